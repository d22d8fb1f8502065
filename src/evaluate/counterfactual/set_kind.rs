//! The kinds of counterfactual sets.

/// Kind of a counterfactual set: its replacement of background, person or motion.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SetKind {
    /// HAT's Human-Only: the person on the set's mean colour.
    HumanOnly,
    /// HAT's Background-Only: the inpainted background without the person.
    BackgroundOnly,
    /// The person pasted back onto that background: the control of all pasting, with nothing replaced.
    PasteBack,
    /// HAT's Action-Swap: the person on a background of any other class.
    SwapRandom,
    /// Action-Swap with a class of the most similar scenes.
    SwapClose,
    /// Action-Swap with a class of the least similar scenes.
    SwapFar,
    /// Action-Swap with the same class: the upper bound.
    SwapSame,
    /// SCUBA: the person on one still background.
    Scuba,
    /// SCUFO: one frame of the SCUBA clip, repeated: a person without motion.
    Scufo,
    /// ConflFG: the SCUBA clip with a still person of another class in it.
    ConflFg,
}

impl SetKind {
    /// All kinds.
    pub const ALL: [SetKind; 10] = [
        SetKind::HumanOnly,
        SetKind::BackgroundOnly,
        SetKind::PasteBack,
        SetKind::SwapRandom,
        SetKind::SwapClose,
        SetKind::SwapFar,
        SetKind::SwapSame,
        SetKind::Scuba,
        SetKind::Scufo,
        SetKind::ConflFg,
    ];

    /// Returns the kind's name: `human-only`, `background-only`, `paste-back`, …
    pub const fn name(self) -> &'static str {
        match self {
            SetKind::HumanOnly => "human-only",
            SetKind::BackgroundOnly => "background-only",
            SetKind::PasteBack => "paste-back",
            SetKind::SwapRandom => "swap-random",
            SetKind::SwapClose => "swap-close",
            SetKind::SwapFar => "swap-far",
            SetKind::SwapSame => "swap-same",
            SetKind::Scuba => "scuba",
            SetKind::Scufo => "scufo",
            SetKind::ConflFg => "conflfg",
        }
    }

    /// Returns whether the background is another clip's. HAT draws these kinds three times.
    pub const fn is_swap(self) -> bool {
        matches!(self, SetKind::SwapRandom | SetKind::SwapClose | SetKind::SwapFar | SetKind::SwapSame)
    }

    /// Returns whether the background is a still picture.
    pub const fn has_still_background(self) -> bool {
        matches!(self, SetKind::Scuba | SetKind::Scufo | SetKind::ConflFg)
    }
}
