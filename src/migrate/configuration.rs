//! Configurations of `run`.

use super::not_old;
use crate::error::{Error, Result, Stage};
use toml::Table;

/// Keys of version 1 and today's.
const RENAMED: [(&str, &str); 3] = [("stall", "stall-timeout"), ("webhook-for", "webhook-on"), ("queue", "queue-size")];
/// The threshold, whose scale changed.
const THRESHOLD: &str = "tau";

/// Returns the configuration `text` of version 1 with today's keys. The threshold becomes a comment, because it is of
/// another score. Other lines, with their comments, stay as they are.
///
/// # Errors
/// Returns an error if the text is not TOML, or has nothing of version 1.
pub fn configuration(text: &str) -> Result<String> {
    let invalid = |error: toml::de::Error| {
        let expected = "a configuration file in TOML";
        Error::new(Stage::Command, expected, error.message(), "correct it").with_source(error.clone())
    };
    let before: Table = text.parse().map_err(invalid)?;
    let is_old = |key: &str| key == THRESHOLD || RENAMED.iter().any(|(old, _)| *old == key);
    if !before.keys().any(|key| is_old(key)) {
        return Err(not_old("no key of version 1"));
    }
    let migrated: String = text.lines().map(|line| migrated(line) + "\n").collect();
    // A key may be quoted or in a string of several lines: then the lines are not what they seem.
    let after: Table = migrated.parse().map_err(invalid)?;
    if after != expected(before) {
        let got = "keys that are not on lines of their own";
        return Err(Error::new(
            Stage::Command,
            "a configuration that can be rewritten",
            got,
            "rename the keys by hand",
        ));
    }
    Ok(migrated)
}

fn migrated(line: &str) -> String {
    let Some((key, value)) = line.split_once('=') else { return line.to_owned() };
    match key.trim() {
        THRESHOLD => format!("# Of version 1, on another scale: {}", line.trim()),
        key => match RENAMED.iter().find(|(old, _)| *old == key) {
            Some((_, new)) => format!("{new} ={value}"),
            None => line.to_owned(),
        },
    }
}

fn expected(mut table: Table) -> Table {
    table.remove(THRESHOLD);
    for (old, new) in RENAMED {
        if let Some(value) = table.remove(old) {
            table.insert(new.to_owned(), value);
        }
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn old_keys_get_their_names_of_today_and_comments_stay() {
        let text = "# Sources\nsources = [\"a\"]\nstall = 5\ntau = 1.5 # fitted\nwebhook-for=\"flag\"\n";
        let expected = "# Sources\nsources = [\"a\"]\nstall-timeout = 5\n\
                        # Of version 1, on another scale: tau = 1.5 # fitted\nwebhook-on =\"flag\"\n";
        assert_eq!(configuration(text).unwrap(), expected);
        assert!(configuration(expected).unwrap_err().to_string().contains("version 1"));
        assert!(configuration("\"stall\" = 5\n").unwrap_err().to_string().contains("by hand"));
        assert!(configuration("stall = \n").is_err());
    }
}
