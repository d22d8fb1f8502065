//! The tables beside the clips, laid out like those of Mimetics.

use super::not_written;
use super::plan::Entry;
use figureground::Result;
use pantomime::{Action, Clip, Deed, Part, Scene};
use std::fmt::Write;
use std::path::Path;

/// Writes `pantomime.csv`, `pantomime_clsannot.txt`, `pantomime_objectsceneannot.txt` and `pantomime_strata.csv`.
pub(super) fn write(entries: &[Entry], split: &str, root: &Path) -> Result<()> {
    let tables = [
        ("pantomime.csv", clips(entries, split)),
        ("pantomime_clsannot.txt", classes(entries)),
        ("pantomime_objectsceneannot.txt", contexts(entries)),
        ("pantomime_strata.csv", strata(entries)),
    ];
    tables.into_iter().try_for_each(|(name, text)| {
        let path = root.join(name);
        std::fs::write(&path, text).map_err(|error| not_written(&path, &error))
    })
}

fn clips(entries: &[Entry], split: &str) -> String {
    let mut text = "label,youtube_id,time_start,time_end,split,is_cc\n".to_owned();
    for entry in entries {
        let (start, end) = entry.seconds();
        let _ = writeln!(text, "{},{},{start},{end},{split},1", entry.clip.label(), entry.id);
    }
    text
}

/// Whether a class goes with an object or with a scene.
fn classes(entries: &[Entry]) -> String {
    let mut lines: Vec<_> = entries
        .iter()
        .map(|entry| {
            let (object, scene) = match entry.clip.deed {
                Deed::Action(_) => ("no", "yes"),
                Deed::Handling(_) => ("yes", "no"),
            };
            format!("{} {object} {scene}\n", entry.clip.label().replace(' ', "_"))
        })
        .collect();
    lines.sort_unstable();
    lines.dedup();
    format!("#label object scene\n{}", lines.concat())
}

/// Whether the object and the scene that go with the class are there, and, where neither is, that it is mimed.
fn contexts(entries: &[Entry]) -> String {
    let mut text = "#video\tobject\tscene\tmime\n".to_owned();
    for entry in entries {
        let (object, scene) = (object_fits(&entry.clip), scene_fits(&entry.clip));
        let [object, scene, mime] = [object, scene, !object && !scene].map(|yes| if yes { "yes" } else { "no" });
        let _ = writeln!(text, "{}\t{object}\t{scene}\t{mime}", entry.stem());
    }
    text
}

fn object_fits(clip: &Clip) -> bool {
    matches!(clip.deed, Deed::Handling(handling) if clip.object == Some(handling.bound()))
}

fn scene_fits(clip: &Clip) -> bool {
    matches!(clip.deed, Deed::Action(action) if clip.scene == action.home())
}

/// The action that is at home in `scene`: what the background alone says.
fn at_home(scene: Scene) -> String {
    Action::ALL.iter().find(|action| action.home() == scene).map_or_else(String::new, |action| action.name())
}

/// Everything an evaluation may want to split by.
fn strata(entries: &[Entry]) -> String {
    let mut text =
        "video,label,part,scene,scene_fits,background,object,object_fits,person,skin,clothes,frames,seed\n".to_owned();
    for entry in entries {
        let clip = &entry.clip;
        let part = match clip.deed {
            Deed::Action(action) => action.part(),
            Deed::Handling(handling) => handling.part(),
        };
        let part = if part == Part::Base { "base" } else { "novel" };
        let (object, actor) = (clip.object.map_or("", |object| object.name()), &clip.actor);
        let person = if actor.woman { "woman" } else { "man" };
        let (label, scene, cut) = (clip.label(), clip.scene.name(), actor.clothes.cut.name());
        let (scene_fits, object_fits, skin) = (scene_fits(clip), object_fits(clip), actor.skin.index());
        let background = at_home(clip.scene);
        let _ = write!(text, "{},{label},{part},{scene},{scene_fits},{background},{object},", entry.stem());
        let _ = writeln!(text, "{object_fits},{person},{skin},{cut},{},{}", clip.frames(), clip.seed);
    }
    text
}
