//! People acting in and out of context, drawn from nothing but a seed.
//!
//! Real sets of actions out of context, such as Mimetics, are small and have no exact masks. This one has as many clips
//! as are asked for, equal on all machines, and every frame comes with the true mask of the person, of the object, and
//! with the true background.
//!
//! Read the crate in the order a clip is made:
//!
//! 1. a [`Clip`] says who ([`Actor`]) does what ([`Action`] or [`Handling`]), where ([`Scene`]) and with which
//!    [`Object`];
//! 2. `motion` turns time into a `pose`, `skeleton` a pose into joints;
//! 3. `framing` puts a `camera` before them, `scenery` paints what is behind them;
//! 4. `figure` and `thing` put rounded bodies around the joints, and a [`Stage`] draws them as a [`Picture`].
//!
//! ```
//! use figureground::mask::Size;
//! use pantomime::{Action, Clip, Context, Picture};
//! let clip = Clip::action(Action::ALL[0], Context::In, 0.9, 1);
//! let size = Size::new(64, 64)?;
//! let mut picture = Picture::new(size);
//! clip.stage(size).render(0, &mut picture);
//! assert!(picture.person.area() > 0.03);
//! # Ok::<(), figureground::Error>(())
//! ```

mod action;
mod actor;
mod camera;
mod canvas;
mod clip;
mod colour;
mod figure;
mod finish;
mod framing;
mod handling;
mod light;
mod motion;
mod noise;
mod object;
mod parts;
mod picture;
mod pose;
mod random;
mod scene;
mod scenery;
mod skeleton;
mod stage;
mod thing;
mod vector;

pub use action::{Action, Arm, Leg, Part};
pub use actor::{Actor, Clothes, Cut, Haircut, Legwear, Skin};
pub use clip::{Clip, Context, Deed, FRAME_US, Grip, Words, seed_of};
pub use handling::Handling;
pub use object::Object;
pub use picture::Picture;
pub use scene::{Kind, Scene};
pub use stage::{JOINTS, Stage};
