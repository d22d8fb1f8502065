//! Writes the tables beside the clips, in the layout of Mimetics.

use super::clip_list::{NamedClip, person_digits, place_digits};
use super::files::not_written;
use figureground::Result;
use pantomime::{Action, Activity, ClassGroup, Clip, Scene};
use std::fmt::Write;
use std::path::Path;

/// Writes `pantomime.csv`, `pantomime_clsannot.txt`, `pantomime_objectsceneannot.txt` and `pantomime_strata.csv`; of a
/// set with crowds, also `pantomime_people.csv`.
pub(super) fn write(clips: &[NamedClip], split: &str, root: &Path) -> Result<()> {
    let mut tables = vec![
        ("pantomime.csv", clip_table(clips, split)),
        ("pantomime_clsannot.txt", class_table(clips)),
        ("pantomime_objectsceneannot.txt", context_table(clips)),
        ("pantomime_strata.csv", stratum_table(clips)),
    ];
    if clips.iter().any(|named| named.in_crowds) {
        tables.push(("pantomime_people.csv", people_table(clips)));
    }
    tables.into_iter().try_for_each(|(name, text)| {
        let path = root.join(name);
        std::fs::write(&path, text).map_err(|error| not_written(&path, error))
    })
}

fn clip_table(clips: &[NamedClip], split: &str) -> String {
    let mut text = "label,youtube_id,time_start,time_end,split,is_cc\n".to_owned();
    for named in clips {
        let (start, end) = named.seconds();
        let _ = writeln!(text, "{},{},{start},{end},{split},1", named.clip().label(), named.id);
    }
    text
}

/// Returns a table that says whether a class is biased by an object or by a scene.
fn class_table(clips: &[NamedClip]) -> String {
    let mut lines: Vec<_> = clips
        .iter()
        .map(|named| {
            let (object, scene) = match named.clip().activity {
                Activity::Action(_) => ("no", "yes"),
                Activity::Handling(_) => ("yes", "no"),
            };
            format!("{} {object} {scene}\n", named.clip().label().replace(' ', "_"))
        })
        .collect();
    lines.sort_unstable();
    lines.dedup();
    format!("#label object scene\n{}", lines.concat())
}

/// Returns a table that says whether a clip shows the object and the scene of its class; it is mimed without both.
fn context_table(clips: &[NamedClip]) -> String {
    let mut text = "#video\tobject\tscene\tmime\n".to_owned();
    for named in clips {
        let (object, scene) = (object_fits(named.clip()), scene_fits(named.clip()));
        let [object, scene, mime] = [object, scene, !object && !scene].map(|yes| if yes { "yes" } else { "no" });
        let _ = writeln!(text, "{}\t{object}\t{scene}\t{mime}", named.stem());
    }
    text
}

fn object_fits(clip: &Clip) -> bool {
    matches!(clip.activity, Activity::Handling(handling) if clip.object == Some(handling.bound()))
}

fn scene_fits(clip: &Clip) -> bool {
    matches!(clip.activity, Activity::Action(action) if clip.scene == action.home())
}

/// Returns the action whose home is `scene`: the label that the background alone suggests.
fn action_of_home(scene: Scene) -> String {
    Action::ALL.iter().find(|action| action.home() == scene).map_or_else(String::new, |action| action.name())
}

/// Returns a table of all people: the clip, the index in it from 1, the class and the seed.
fn people_table(clips: &[NamedClip]) -> String {
    let mut text = "video,person,class,seed\n".to_owned();
    for named in clips {
        for (person, clip) in (1..).zip(named.crowd.people()) {
            let _ = writeln!(text, "{},{person},{},{}", named.stem(), clip.label(), clip.seed);
        }
    }
    text
}

/// Returns a table of the strata that an evaluation can group by.
///
/// Of a grid, it also has the person and the place as the ids say them; of a set with crowds, the number of people.
fn stratum_table(clips: &[NamedClip]) -> String {
    let mut text =
        "video,label,part,scene,scene_fits,background,object,object_fits,person,skin,clothes,frames,seed".to_owned();
    let is_grid = clips.iter().any(|named| named.person.is_some());
    let in_crowds = clips.iter().any(|named| named.in_crowds);
    text.push_str(if is_grid { ",person_id,place" } else { "" });
    text.push_str(if in_crowds { ",people\n" } else { "\n" });
    for named in clips {
        let clip = named.clip();
        let group = match clip.activity {
            Activity::Action(action) => action.class_group(),
            Activity::Handling(handling) => handling.class_group(),
        };
        let group = if group == ClassGroup::Base { "base" } else { "novel" };
        let (object, actor) = (clip.object.map_or("", |object| object.name()), &clip.actor);
        let person = if actor.woman { "woman" } else { "man" };
        let (label, scene, cut) = (clip.label(), clip.scene.name(), actor.clothes.cut.name());
        let (scene_fits, object_fits, skin) = (scene_fits(clip), object_fits(clip), actor.skin.index());
        let background = action_of_home(clip.scene);
        let cell = named.person.map(|person| format!(",{},{}", person_digits(person), place_digits(clip)));
        let people = in_crowds.then(|| format!(",{}", named.crowd.people().len()));
        let more = cell.or(people).unwrap_or_default();
        let _ = write!(text, "{},{label},{group},{scene},{scene_fits},{background},{object},", named.stem());
        let _ = writeln!(text, "{object_fits},{person},{skin},{cut},{},{}{more}", clip.frames(), clip.seed);
    }
    text
}
