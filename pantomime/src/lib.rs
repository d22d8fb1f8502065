//! Draws clips of people acting in and out of context from a seed.
//!
//! Real sets of actions out of context, such as Mimetics, are small and have no exact masks. This set has any number of
//! clips, equal on all machines. Every frame comes with the exact masks of person and object, and with the background
//! behind them.
//!
//! Read the crate in the order in which a clip is drawn:
//!
//! 1. a [`Clip`] holds the [`Actor`], the [`Activity`] (an [`Action`] or a [`Handling`]), the [`Scene`] and the
//!    [`Object`];
//! 2. `motion` turns time into a `pose`, `skeleton` a pose into joints;
//! 3. a `performer` is a person who moves on the ground, `framing` places the `camera` in front of all of them, and
//!    `scenery` paints the background;
//! 4. `figure` and `object_drawing` put rounded bodies around the joints, and a [`FrameRenderer`] draws them as a
//!    [`Picture`].
//!
//! A [`Crowd`] puts several people into one clip. A [`Grid`] crosses people and places: the same people in the home of
//! every class used for training.
//!
//! ```
//! use figureground::mask::Size;
//! use pantomime::{Action, Clip, Context, Picture};
//! let clip = Clip::action(Action::ALL[0], Context::In, 0.9, 1);
//! let size = Size::new(64, 64)?;
//! let mut picture = Picture::new(size);
//! clip.renderer(size).render(0, &mut picture);
//! assert!(picture.person.area() > 0.03);
//! # Ok::<(), figureground::Error>(())
//! ```

mod action;
mod activity;
mod actor;
mod camera;
mod camera_effects;
mod canvas;
mod clip;
mod colour;
mod crowd;
mod figure;
mod frame_renderer;
mod framing;
mod grid;
mod handling;
mod light;
mod motion;
mod noise;
mod object;
mod object_drawing;
mod performer;
mod picture;
mod polygons;
mod pose;
mod random;
mod scene;
mod scenery;
mod skeleton;
mod vector;

pub use action::{Action, Arm, ClassGroup, Leg};
pub use activity::Activity;
pub use actor::{Actor, Clothes, Cut, Haircut, Legwear, Skin};
pub use clip::{CaptionParts, Clip, Context, FRAME_US, Grip, seed_of};
pub use crowd::Crowd;
pub use frame_renderer::{FrameRenderer, JOINTS};
pub use grid::{Grid, GridCell};
pub use handling::Handling;
pub use object::Object;
pub use picture::{Picture, VisiblePerson};
pub use scene::{Scene, SceneKind};
