//! No circles between modules: in every folder of a crate, the files and folders depend on each other in one direction.
//!
//! An entry of a folder is a file, or a folder with its contents. Entry A depends on entry B if a path in A's code, one
//! that begins with `crate` or `super`, leads to B. A name that a `mod.rs` or `lib.rs` re-exports belongs to the file
//! that defines it. The test ignores tests, comments, and paths between a `mod.rs` and its own children. It does not
//! see dependencies without a path, such as calls of methods.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// Sources that are checked, each the root folder of a crate.
const CRATES: [&str; 3] = ["src", "train/src", "pantomime/src"];
/// The one folder that still has circles inside, and is not checked.
const UNCHECKED: &str = "src/engine/gpu";

/// The path of a module below its crate: `["bundle", "manifest"]`.
type ModulePath = Vec<String>;

#[test]
fn no_folder_has_files_that_depend_on_each_other_in_a_circle() {
    let mut folders = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors();
    let root = folders.find(|folder| CRATES.iter().all(|name| folder.join(name).is_dir())).unwrap();
    let circles: Vec<String> = CRATES.iter().flat_map(|name| circles_of(&root.join(name), name)).collect();
    assert!(circles.is_empty(), "{} circles:\n{}", circles.len(), circles.join("\n"));
}

#[test]
fn a_circle_is_found() {
    let edges = BTreeMap::from([edge("a", "b"), edge("b", "c"), edge("c", "a"), edge("d", "a")]);
    assert_eq!(circle(&edges), Some(["a", "b", "c"].map(str::to_owned).to_vec()));
    assert_eq!(circle(&BTreeMap::from([edge("a", "b"), edge("b", "c"), edge("d", "a")])), None);
}

#[test]
fn paths_are_read_from_code_without_comments_strings_and_tests() {
    let code = r##"use crate::{a::B, c::{self, D as E}};
        // crate::no
        let s = "crate::no"; let c = '"'; super::f(crate::g::h());
        #[cfg(test)] mod tests { use crate::no; }
        fn x<'a>() { crate::after::y() }"##;
    let found: Vec<String> = paths(&tokens(&without_tests(code))).iter().map(|path| path.join("::")).collect();
    assert_eq!(found, ["crate::a::B", "crate::c", "crate::c::D", "super::f", "crate::g::h", "crate::after::y"]);
}

fn edge(from: &str, to: &str) -> (String, BTreeSet<String>) {
    (from.to_owned(), BTreeSet::from([to.to_owned()]))
}

/// Returns every folder of the crate in `root` that has a circle, with the circle.
fn circles_of(root: &Path, name: &str) -> Vec<String> {
    let modules = modules(root);
    let reexports: BTreeMap<_, _> =
        modules.iter().map(|(module, tokens)| (module.clone(), reexports(module, tokens, &modules))).collect();
    // For each folder, which of its entries depends on which.
    let mut folders: BTreeMap<ModulePath, BTreeMap<String, BTreeSet<String>>> = BTreeMap::new();
    for (module, tokens) in &modules {
        for path in paths(tokens) {
            let Some(target) = resolve(module, &path, &modules, &reexports) else { continue };
            let common = module.iter().zip(&target).take_while(|(a, b)| a == b).count();
            if let (Some(from), Some(to)) = (module.get(common), target.get(common)) {
                let entries = folders.entry(module[..common].to_vec()).or_default();
                entries.entry(from.clone()).or_default().insert(to.clone());
            }
        }
    }
    let mut found = Vec::new();
    for (folder, mut entries) in folders {
        let folder = [&[name.to_owned()][..], &folder].concat().join("/");
        if folder.starts_with(UNCHECKED) {
            continue;
        }
        while let Some(circle) = circle(&entries) {
            found.push(format!("{folder}: {} -> {}", circle.join(" -> "), circle[0]));
            if let Some(targets) = entries.get_mut(&circle[0]) {
                targets.remove(circle.get(1).unwrap_or(&circle[0]));
            }
        }
    }
    found
}

/// Returns the tokens of every module below `root` that is not a test.
fn modules(root: &Path) -> BTreeMap<ModulePath, Vec<String>> {
    let mut modules = BTreeMap::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        let entries = std::fs::read_dir(&folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display()));
        for path in entries.map(|entry| entry.unwrap().path()) {
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") && !path.ends_with("tests.rs") {
                let code = std::fs::read_to_string(&path).unwrap();
                modules.entry(module_of(root, path)).or_insert_with(Vec::new).extend(tokens(&without_tests(&code)));
            }
        }
    }
    modules
}

/// Returns the path of the module in the file at `path`; `lib.rs` and `main.rs` are the root.
fn module_of(root: &Path, path: PathBuf) -> ModulePath {
    let path = path.strip_prefix(root).unwrap().with_extension("");
    let mut module: ModulePath = path.iter().map(|part| part.to_str().unwrap().to_owned()).collect();
    let is_root = module.len() == 1 && (module[0] == "lib" || module[0] == "main");
    if is_root || module.last().is_some_and(|name| name == "mod") {
        module.pop();
    }
    module
}

/// Returns the names that `module` takes from its children by `use`, each with the module and the name there.
fn reexports(
    module: &ModulePath,
    tokens: &[String],
    modules: &BTreeMap<ModulePath, Vec<String>>,
) -> BTreeMap<String, Vec<String>> {
    let mut names = BTreeMap::new();
    for (at, _) in tokens.iter().enumerate().filter(|(_, token)| *token == "use") {
        for path in tree(tokens, &mut (at + 1)) {
            let path: Vec<String> = path.into_iter().skip_while(|part| part == "self").collect();
            let child = [&module[..], &path[..path.len().min(1)]].concat();
            if let (true, Some(name)) = (modules.contains_key(&child) && path.len() > 1, path.last()) {
                names.insert(name.clone(), [&module[..], &path].concat());
            }
        }
    }
    names
}

/// Returns the module that `path`, written in `module`, leads to; none outside the crate.
fn resolve(
    module: &ModulePath,
    path: &[String],
    modules: &BTreeMap<ModulePath, Vec<String>>,
    reexports: &BTreeMap<ModulePath, BTreeMap<String, Vec<String>>>,
) -> Option<ModulePath> {
    let mut full = if path[0] == "crate" { Vec::new() } else { module.clone() };
    for part in path {
        match part.as_str() {
            "crate" | "self" => {}
            "super" => drop(full.pop()?),
            name => full.push(name.to_owned()),
        }
    }
    // A re-export may lead to another one.
    for _ in 0..8 {
        let depth = (0..=full.len()).rev().find(|&depth| modules.contains_key(&full[..depth]))?;
        match full.get(depth).and_then(|name| reexports[&full[..depth]].get(name)) {
            Some(target) => full = target.clone(),
            None => return Some(full[..depth].to_vec()),
        }
    }
    None
}

/// Returns a circle of `edges`, where there is one, from its first entry on.
fn circle(edges: &BTreeMap<String, BTreeSet<String>>) -> Option<Vec<String>> {
    edges.keys().find_map(|start| {
        let mut ways = vec![vec![start.clone()]];
        let mut visited = BTreeSet::new();
        while let Some(way) = ways.pop() {
            for next in edges.get(way.last()?).into_iter().flatten() {
                if next == start {
                    return Some(way);
                }
                if visited.insert(next.clone()) {
                    ways.push([&way[..], std::slice::from_ref(next)].concat());
                }
            }
        }
        None
    })
}

/// Returns `code` without comments, the contents of strings, and items under `#[cfg(test)]`.
fn without_tests(code: &str) -> String {
    let mut plain = without_text(code);
    for mark in ["#[cfg(test)]", "#[cfg(all(test"] {
        while let Some(start) = plain.find(mark) {
            plain.replace_range(start..start + end_of_item(&plain[start..]), "");
        }
    }
    plain
}

/// Returns the length of the item that `code` begins with: to its `;`, or to the brace that closes it.
fn end_of_item(code: &str) -> usize {
    let mut depth = 0;
    for (at, c) in code.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth == 1 => return at + 1,
            '}' => depth -= 1,
            ';' if depth == 0 => return at + 1,
            _ => {}
        }
    }
    code.len()
}

/// Returns `code` without comments and the contents of strings and characters.
fn without_text(code: &str) -> String {
    let mut plain = String::new();
    let mut rest = code;
    while let Some(c) = rest.chars().next() {
        let skipped = if rest.starts_with("//") {
            rest.find('\n').unwrap_or(rest.len())
        } else if let Some(hashes) = raw_string(rest) {
            let end = format!("\"{}", "#".repeat(hashes));
            let start = hashes + 2;
            rest[start..].find(&end).map_or(rest.len(), |at| start + at + end.len())
        } else if c == '"' {
            quoted(rest, '"')
        } else if c == '\'' && (rest[1..].starts_with('\\') || rest[1..].chars().nth(1) == Some('\'')) {
            quoted(rest, '\'')
        } else {
            plain.push(c);
            c.len_utf8()
        };
        rest = &rest[skipped..];
    }
    plain
}

/// Returns the number of `#` of the raw string that `code` begins with.
fn raw_string(code: &str) -> Option<usize> {
    let rest = code.strip_prefix('r')?;
    let hashes = rest.chars().take_while(|&c| c == '#').count();
    rest[hashes..].starts_with('"').then_some(hashes)
}

/// Returns the length of the literal that `code` begins with, its two quotes included.
fn quoted(code: &str, quote: char) -> usize {
    let mut is_escaped = false;
    for (at, c) in code.char_indices().skip(1) {
        if c == quote && !is_escaped {
            return at + 1;
        }
        is_escaped = c == '\\' && !is_escaped;
    }
    code.len()
}

/// Cuts `code` into names, `::` and single marks.
fn tokens(code: &str) -> Vec<String> {
    let mut tokens = Vec::new();
    let mut rest = code.trim_start();
    while let Some(c) = rest.chars().next() {
        let is_name = |c: char| c.is_alphanumeric() || c == '_';
        let length = match c {
            _ if rest.starts_with("::") => 2,
            c if is_name(c) => rest.find(|c| !is_name(c)).unwrap_or(rest.len()),
            c => c.len_utf8(),
        };
        tokens.push(rest[..length].to_owned());
        rest = rest[length..].trim_start();
    }
    tokens
}

/// Returns every path that begins with `crate` or `super`, one for each branch of a `use`.
fn paths(tokens: &[String]) -> Vec<Vec<String>> {
    let mut paths = Vec::new();
    for (at, token) in tokens.iter().enumerate() {
        let begins = (token == "crate" || token == "super") && (at == 0 || tokens[at - 1] != "::");
        if begins && tokens.get(at + 1).is_some_and(|next| next == "::") {
            paths.extend(tree(tokens, &mut at.clone()));
        }
    }
    paths
}

/// Returns the paths of the tree at `at`, `a::{b, c::d}`, and moves `at` behind it.
fn tree(tokens: &[String], at: &mut usize) -> Vec<Vec<String>> {
    let mut path = Vec::new();
    loop {
        match tokens.get(*at).map(String::as_str) {
            Some("{") => {
                *at += 1;
                let mut paths = Vec::new();
                while let Some(token) = tokens.get(*at).filter(|token| *token != "}") {
                    if token == "," {
                        *at += 1;
                        continue;
                    }
                    let before = *at;
                    paths.extend(tree(tokens, at).iter().map(|rest| [&path[..], rest].concat()));
                    if tokens.get(*at).is_some_and(|token| token == "as") {
                        *at += 2;
                    }
                    if *at == before {
                        break;
                    }
                }
                *at += 1;
                return paths;
            }
            Some("self") if !path.is_empty() || tokens.get(*at + 1).is_none_or(|next| next != "::") => *at += 1,
            Some(name) if name == "*" || name.chars().all(|c| c.is_alphanumeric() || c == '_') => {
                path.push(name.to_owned());
                *at += 1;
            }
            _ => return vec![path],
        }
        if tokens.get(*at).is_none_or(|next| next != "::") {
            return vec![path];
        }
        *at += 1;
    }
}
