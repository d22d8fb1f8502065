//! The views of a frame: full, person only and background only.
//!
//! Views are composed at encoder resolution from `pixel_values`, `[3, height, width]` f32 planes in normalised space,
//! and [`Regions`] of the same height and width. Every view and every masking is Eq. 1 with another M.

use crate::error::{Error, Result, Stage};
use crate::mask::{Regions, Shape, Size};

/// A view of a frame: the pixels that the encoder sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum View {
    /// The whole frame.
    Full,
    /// The person only (Eq. 2, or Eq. 5 if objects have a colour of their own).
    Person,
    /// The frame without people and the boxes around them (Eq. 6).
    Background,
}

impl View {
    /// All views, in the order of [`View::index`].
    pub const ALL: [View; 3] = [View::Full, View::Person, View::Background];

    /// Returns the index of this view in a batch and in arrays with one element a view.
    pub const fn index(self) -> usize {
        self as usize
    }

    /// Returns `full`, `person` or `background`.
    pub const fn name(self) -> &'static str {
        match self {
            View::Full => "full",
            View::Person => "person",
            View::Background => "background",
        }
    }
}

/// The colour of hidden pixels, `c` of Eq. 1, in normalised space and in the order of the planes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Fill(pub [f32; 3]);

/// Visible areas of the views, as fractions of the encoder's crop.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Areas {
    /// Area of the person, visible in the Person view, in 0..=1.
    pub person: f32,
    /// Area visible in the Background view, in 0..=1.
    pub background: f32,
}

/// Computes Eq. 1, `X = (1 - M) V + c M`, with V = `pixel_values`, M = `hidden`, c = `fill` and X = `out`.
///
/// # Errors
/// Returns an error if `pixel_values` or `out` is not `[3, height, width]` of `hidden`.
pub fn hide(pixel_values: &[f32], hidden: &Shape, fill: Fill, out: &mut [f32]) -> Result<()> {
    expect_planes(pixel_values, hidden.size(), 3)?;
    expect_planes(out, hidden.size(), 3)?;
    out.copy_from_slice(pixel_values);
    paint(out, hidden, fill);
    Ok(())
}

/// Computes Eq. 1 in place.
fn paint(pixel_values: &mut [f32], hidden: &Shape, fill: Fill) {
    for (plane, colour) in pixel_values.chunks_exact_mut(hidden.size().area()).zip(fill.0) {
        for (value, &hidden) in plane.iter_mut().zip(hidden.pixels()) {
            *value = if hidden { colour } else { *value };
        }
    }
}

/// Checks that `values` holds `planes` planes of `size`.
pub(crate) fn expect_planes(values: &[f32], size: Size, planes: usize) -> Result<()> {
    let expected = planes * size.area();
    if values.len() == expected {
        return Ok(());
    }
    let expected = format_args!("{expected} values, {planes} planes of {size}");
    let (got, next) = (format_args!("{} values", values.len()), "pass planes of the size of the regions");
    Err(Error::new(Stage::View, expected, got, next))
}

/// A masking of a training sample (Eq. 2 to 5). Pixels of the person are never hidden.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Masking {
    /// The unchanged picture.
    None,
    /// Hides all but the person (Eq. 2).
    Background(Fill),
    /// Hides boxes around objects (Eq. 3), and so their outline and a little of the background.
    ObjectBoxes(Fill),
    /// Hides objects (Eq. 4); their outline stays visible.
    ObjectShapes(Fill),
    /// Hides all but the person, objects in a colour of their own (Eq. 5); their movement stays visible.
    BackgroundAndObjects {
        /// Colour of the background, `c_bg`.
        background: Fill,
        /// Colour of objects, `c_obj`.
        objects: Fill,
    },
}

impl Masking {
    /// Writes the masked picture to `out`; overwrites `scratch`.
    ///
    /// # Errors
    /// Returns an error if `pixel_values` or `out` is not `[3, height, width]` of the regions, or a shape has another
    /// size.
    pub fn apply(
        &self,
        pixel_values: &[f32],
        regions: &Regions<'_>,
        scratch: &mut Shape,
        out: &mut [f32],
    ) -> Result<()> {
        let fill = self.hidden(regions, scratch)?;
        hide(pixel_values, scratch, fill, out)?;
        if let (Masking::BackgroundAndObjects { objects: fill, .. }, Some(_)) = (self, regions.objects) {
            hide_objects(regions, scratch)?;
            paint(out, scratch, *fill);
        }
        Ok(())
    }

    /// Writes the M of Eq. 1 to `hidden` and returns its c. The second colour of Eq. 5 is painted afterwards.
    fn hidden(&self, regions: &Regions<'_>, hidden: &mut Shape) -> Result<Fill> {
        match *self {
            Masking::None => {
                hidden.clear();
                Ok(Fill([0.0; 3]))
            }
            Masking::Background(fill) | Masking::BackgroundAndObjects { background: fill, .. } => {
                hide_all_but_person(regions, hidden).map(|()| fill)
            }
            Masking::ObjectBoxes(fill) => hide_object_boxes(regions, hidden).map(|()| fill),
            Masking::ObjectShapes(fill) => hide_objects(regions, hidden).map(|()| fill),
        }
    }
}

/// Writes M of Eq. 2: the complement of the person.
fn hide_all_but_person(regions: &Regions<'_>, hidden: &mut Shape) -> Result<()> {
    hidden.copy_from(regions.person)?;
    hidden.complement();
    Ok(())
}

/// Writes M of Eq. 3: the object boxes without the person.
fn hide_object_boxes(regions: &Regions<'_>, hidden: &mut Shape) -> Result<()> {
    hidden.clear();
    hidden.union_boxes(regions.object_boxes);
    hidden.subtract(regions.person)
}

/// Writes M of Eq. 4: the objects without the person. The paper assumes that the two do not overlap.
fn hide_objects(regions: &Regions<'_>, hidden: &mut Shape) -> Result<()> {
    match regions.objects {
        Some(objects) => hidden.copy_from(objects)?,
        None => hidden.clear(),
    }
    hidden.subtract(regions.person)
}

/// Writes M of Eq. 6: the person boxes without the objects, and the person: a limb outside its box, or a person too
/// small for a box, is hidden too.
fn hide_people(regions: &Regions<'_>, hidden: &mut Shape) -> Result<()> {
    hidden.clear();
    hidden.union_boxes(regions.person_boxes);
    regions.objects.map_or(Ok(()), |objects| hidden.subtract(objects))?;
    hidden.union(regions.person)
}

/// Composes the three views of frames, with the same fills for every frame.
#[derive(Clone, Debug)]
pub struct ViewComposer {
    person: Masking,
    fill: Fill,
    hidden: Shape,
}

impl ViewComposer {
    /// Creates a composer of views of `size` whose hidden pixels get `fill` (Eq. 2 and 6). With `object_fill`, known
    /// objects get that colour in the Person view (Eq. 5).
    pub fn new(size: Size, fill: Fill, object_fill: Option<Fill>) -> Self {
        let person = object_fill
            .map_or(Masking::Background(fill), |objects| Masking::BackgroundAndObjects { background: fill, objects });
        Self { person, fill, hidden: Shape::new(size) }
    }

    /// Returns the visible areas of views with these `regions`.
    ///
    /// # Errors
    /// Returns an error if a shape has another size.
    pub fn areas(&mut self, regions: &Regions<'_>) -> Result<Areas> {
        hide_people(regions, &mut self.hidden)?;
        Ok(Areas { person: regions.person.area(), background: 1.0 - self.hidden.area() })
    }

    /// Writes the views of one picture to `views`, `[3 views, 3, height, width]` in the order of [`View::index`].
    ///
    /// # Errors
    /// Returns an error if `pixel_values` is not `[3, height, width]`, `views` is not three times as long, or a shape
    /// has another size.
    pub fn compose(&mut self, pixel_values: &[f32], regions: &Regions<'_>, views: &mut [f32]) -> Result<Areas> {
        let size = self.hidden.size();
        expect_planes(pixel_values, size, 3)?;
        expect_planes(views, size, 3 * View::ALL.len())?;
        let (full, rest) = views.split_at_mut(pixel_values.len());
        let (person, background) = rest.split_at_mut(pixel_values.len());

        full.copy_from_slice(pixel_values);
        self.person.apply(pixel_values, regions, &mut self.hidden, person)?;
        let areas = self.areas(regions)?;
        hide(pixel_values, &self.hidden, self.fill, background)?;
        Ok(areas)
    }
}
