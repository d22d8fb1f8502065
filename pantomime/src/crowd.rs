//! Several people in one clip.

use crate::clip::Clip;
use crate::random::{Random, RandomStream};
use crate::vector::{Vector, vector};

/// A clip of one or more people in one scene, seen by one camera.
///
/// Every person has an index that stays the same over all frames. People nearer to the camera hide those behind them.
///
/// ```
/// use figureground::mask::Size;
/// use pantomime::{Action, Clip, Context, Crowd, Picture};
/// let person = |index: usize| Clip::action(Action::ALL[index], Context::Free, 0.9, index as u64);
/// let crowd = Crowd::new(person(3), &[person(8), person(15)]);
/// let size = Size::new(64, 64)?;
/// let mut picture = Picture::new(size);
/// crowd.renderer(size).render(0, &mut picture);
/// assert_eq!(picture.people.len(), 3);
/// # Ok::<(), figureground::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Crowd {
    people: Vec<Clip>,
    positions: Vec<Vector>,
}

/// Metres behind and in front of the scene's centre in which people stand: where every scene has free ground.
const DEPTHS: [f32; 2] = [-0.45, 0.5];
/// Metres between two people, if there is room.
const SPACING: f32 = 0.6;

impl Crowd {
    /// Joins people to one clip.
    ///
    /// Scene, length, camera and noise are those of `first`; its seed also draws the positions on the ground. Of
    /// `companions`, activity, actor, object and movements stay as they are.
    pub fn new(first: Clip, companions: &[Clip]) -> Self {
        let joined = companions.iter().map(|clip| Clip { scene: first.scene, frames: first.frames, ..*clip });
        let people: Vec<Clip> = [first].into_iter().chain(joined).collect();
        let positions = positions(first.seed, people.len());
        Self { people, positions }
    }

    /// Returns the people in the order of their indices; scene and length of all are equal.
    pub fn people(&self) -> &[Clip] {
        &self.people
    }

    /// Returns the position of each person on the ground.
    pub(crate) fn positions(&self) -> &[Vector] {
        &self.positions
    }
}

/// Draws positions for `count` people; one alone stands in the centre.
fn positions(seed: u64, count: usize) -> Vec<Vector> {
    let mut positions = Vec::with_capacity(count);
    if count == 1 {
        positions.push(Vector::default());
    }
    let mut random = Random::new(seed, RandomStream::Crowd);
    let half_width = 0.25 + 0.25 * count as f32;
    let mut spacing = SPACING;
    while positions.len() < count {
        let drawn = vector(random.range(-half_width, half_width), 0.0, random.range(DEPTHS[0], DEPTHS[1]));
        if positions.iter().all(|&other| (drawn - other).length() >= spacing) {
            positions.push(drawn);
        } else {
            // A crowd without room stands closer.
            spacing *= 0.98;
        }
    }
    positions
}
