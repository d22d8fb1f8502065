//! Writes clips as pictures in HAT's folders: `ori`, `seg` and `inp`, for objects `obj`, and for crowds `people`.

use super::clip_list::NamedClip;
use super::files::{create_folder, not_written};
use super::people_folder::{PeopleFolder, sides};
use super::png_file::{write_rgb, write_shape};
use figureground::Result;
use figureground::mask::Size;
use pantomime::Picture;
use serde::Serialize;
use std::path::Path;

/// Boxes of all frames, `[left, top, right, bottom]`, right and bottom exclusive.
#[derive(Debug, Default, Serialize)]
struct Boxes {
    person: Vec<Option<[u32; 4]>>,
    objects: Vec<Vec<[u32; 4]>>,
}

/// Writes `<root>/{ori,seg,inp,obj}/<label>/<clip>/%06d.png`, from 1, and `obj/<label>/<clip>/boxes.json`; of a set
/// with crowds, also `people/<label>/<clip>`.
pub(super) fn write(named: &NamedClip, size: Size, picture: &mut Picture, root: &Path) -> Result<()> {
    let [original, person, background, objects] =
        ["ori", "seg", "inp", "obj"].map(|kind| root.join(kind).join(named.clip().label()).join(named.stem()));
    [&original, &person, &background, &objects].into_iter().try_for_each(|path| create_folder(path))?;
    let mut renderer = named.crowd.renderer(size);
    let mut boxes = Boxes::default();
    let mut people = named.in_crowds.then(|| PeopleFolder::create(named, size, root)).transpose()?;
    for frame in 0..named.clip().frames() {
        let name = format!("{:06}.png", frame + 1);
        renderer.render(frame, picture);
        write_rgb(&original.join(&name), size, &picture.rgb)?;
        write_shape(&person.join(&name), &picture.person)?;
        write_shape(&objects.join(&name), &picture.objects)?;
        if let Some(people) = &mut people {
            people.write(&name, picture)?;
        }
        boxes.person.push(picture.person_box.map(sides));
        boxes.objects.push(picture.object_boxes.iter().copied().map(sides).collect());
        renderer.background(frame, &mut picture.rgb);
        write_rgb(&background.join(&name), size, &picture.rgb)?;
    }
    people.map_or(Ok(()), PeopleFolder::finish)?;
    let path = objects.join("boxes.json");
    let json = serde_json::to_vec(&boxes).map_err(|error| not_written(&path, error))?;
    std::fs::write(&path, json).map_err(|error| not_written(&path, error))
}
