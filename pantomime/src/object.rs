//! The 12 objects that people hold or stand beside.

/// An object with its own exact mask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names say it")]
pub enum Object {
    Ball,
    Umbrella,
    Box,
    Bottle,
    Book,
    Bag,
    Racket,
    Chair,
    Hat,
    Guitar,
    Bucket,
    Pillow,
}

impl Object {
    /// All variants, in the order of their indices.
    pub const ALL: [Self; 12] = [
        Self::Ball,
        Self::Umbrella,
        Self::Box,
        Self::Bottle,
        Self::Book,
        Self::Bag,
        Self::Racket,
        Self::Chair,
        Self::Hat,
        Self::Guitar,
        Self::Bucket,
        Self::Pillow,
    ];

    /// Returns the index in [`Object::ALL`].
    pub fn index(self) -> usize {
        self as usize
    }

    /// Returns the object at `index`, or `None` from 12.
    pub fn from_index(index: usize) -> Option<Self> {
        Self::ALL.get(index).copied()
    }

    /// Returns the name with its article, for example "a ball".
    pub fn name(self) -> &'static str {
        [
            "a ball",
            "an umbrella",
            "a box",
            "a bottle",
            "a book",
            "a bag",
            "a racket",
            "a chair",
            "a hat",
            "a guitar",
            "a bucket",
            "a pillow",
        ][self.index()]
    }

    /// Returns whether one hand can hold the object.
    pub(crate) fn fits_one_hand(self) -> bool {
        !matches!(self, Self::Chair | Self::Box)
    }
}
