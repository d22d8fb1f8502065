//! The 36 scenes: twelve kinds of place in three variants each.

/// A kind of place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names say it")]
pub enum SceneKind {
    BasketballCourt,
    Kitchen,
    Street,
    SnowField,
    Beach,
    Gym,
    Stage,
    Forest,
    Office,
    SwimmingPool,
    Classroom,
    Desert,
}

impl SceneKind {
    /// All variants, in the order of their indices.
    pub const ALL: [Self; 12] = [
        Self::BasketballCourt,
        Self::Kitchen,
        Self::Street,
        Self::SnowField,
        Self::Beach,
        Self::Gym,
        Self::Stage,
        Self::Forest,
        Self::Office,
        Self::SwimmingPool,
        Self::Classroom,
        Self::Desert,
    ];

    /// Returns the index in [`SceneKind::ALL`].
    pub fn index(self) -> usize {
        self as usize
    }

    /// Returns the name, for example "basketball court".
    pub fn name(self) -> &'static str {
        [
            "basketball court",
            "kitchen",
            "street",
            "snow field",
            "beach",
            "gym",
            "stage",
            "forest",
            "office",
            "swimming pool",
            "classroom",
            "desert",
        ][self.index()]
    }
}

/// A kind of place in one of its three variants, which differ in layout, season or light.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scene {
    kind: SceneKind,
    variant: u8,
}

/// Preposition and name, in the order of the indices.
const NAMES: [(&str, &str); 36] = [
    ("on", "an indoor basketball court"),
    ("on", "an outdoor basketball court"),
    ("on", "a basketball court at night"),
    ("in", "a white kitchen"),
    ("in", "a wooden kitchen"),
    ("in", "a green kitchen at night"),
    ("on", "a city street by day"),
    ("on", "a snowy street at night"),
    ("on", "a brick alley at sunset"),
    ("on", "a snow field under a blue sky"),
    ("on", "a snowy mountain at dusk"),
    ("on", "a snow field in fog"),
    ("on", "a sunny beach"),
    ("on", "a beach at sunset"),
    ("on", "a rocky beach under clouds"),
    ("in", "a gym with weights"),
    ("in", "a climbing gym"),
    ("in", "a boxing gym"),
    ("on", "a stage with a red curtain"),
    ("on", "a stage with blue spotlights"),
    ("on", "an open-air stage"),
    ("in", "a green forest"),
    ("in", "an autumn forest"),
    ("in", "a birch forest in winter"),
    ("in", "a bright office"),
    ("in", "an office at night"),
    ("in", "an office with a brick wall"),
    ("by", "an indoor swimming pool"),
    ("by", "an outdoor swimming pool"),
    ("by", "a swimming pool at night"),
    ("in", "a classroom with a blackboard"),
    ("in", "a classroom with a whiteboard"),
    ("in", "a colourful classroom"),
    ("in", "a sandy desert"),
    ("in", "a red rock desert"),
    ("in", "a desert at night"),
];

impl Scene {
    /// All scenes, in the order of their indices: the variant changes fastest.
    pub const ALL: [Self; 36] = {
        let mut all = [Self { kind: SceneKind::BasketballCourt, variant: 0 }; 36];
        let mut index = 0;
        while index < 36 {
            all[index] = Self { kind: SceneKind::ALL[index / 3], variant: (index % 3) as u8 };
            index += 1;
        }
        all
    };

    /// Returns the index in [`Scene::ALL`].
    pub fn index(self) -> usize {
        3 * self.kind.index() + usize::from(self.variant)
    }

    /// Returns the scene at `index`, or `None` from 36.
    pub fn from_index(index: usize) -> Option<Self> {
        Self::ALL.get(index).copied()
    }

    /// Returns the kind of place.
    pub fn kind(self) -> SceneKind {
        self.kind
    }

    /// Returns the variant, 0 to 2.
    pub fn variant(self) -> usize {
        usize::from(self.variant)
    }

    /// Returns the name, for example "a snowy street at night".
    pub fn name(self) -> &'static str {
        NAMES[self.index()].1
    }

    /// Returns the name with its preposition, for example "on a snowy street at night".
    pub fn name_with_preposition(self) -> String {
        let (preposition, name) = NAMES[self.index()];
        format!("{preposition} {name}")
    }
}
