//! Measures of crossed grids: against scikit-learn, SciPy and grids computed by hand.

use figureground::evaluate::Record;
use figureground::evaluate::metrics::bootstrap::CrossedSamples;
use figureground::evaluate::metrics::rank::Ranking;
use figureground::evaluate::metrics::{AttributionMeasures, CrossedGrid, PermutedFlags, ScoredClip};
use figureground::gate::{FlagReason, GateSettings, RiskFeatures, Scores, Verdict};
use proptest::prelude::*;
use serde::Deserialize;
use serde_json::json;
use std::collections::BTreeMap;

/// A cell of the fixture.
#[derive(Clone, Deserialize)]
struct FixtureCell {
    person: usize,
    place: usize,
    truth: usize,
    label: usize,
    p: [f32; 3],
    kept: f64,
    given: f64,
}

/// A grid with average precision, Spearman's correlation and AUROC by score.
#[derive(Deserialize)]
struct Fixture {
    cells: Vec<FixtureCell>,
    measures: BTreeMap<String, [f64; 3]>,
    drawn: Vec<f64>,
    measures_of_drawn: BTreeMap<String, [f64; 3]>,
}

fn fixture() -> Fixture {
    serde_json::from_str(include_str!("../fixtures/crossed_grid.json")).unwrap()
}

/// Returns a clip of a person in the home of the class `place`.
fn clip(person: &str, place: usize, truth: usize, label: usize, p: [f32; 3]) -> ScoredClip {
    let [full, person_p, background] = p;
    let strata = [("seed", person.to_owned()), ("background", format!("class {place}"))];
    ScoredClip {
        name: format!("{person} in {place}"),
        truth,
        background: Some(place),
        strata: strata.map(|(name, value)| (name.to_owned(), value)).into(),
        best: [label, truth, place],
        in_top5: true,
        p,
        p_truth: p,
        tie: label,
        scores: Scores { max_softmax: 1.0 - full, dominance: background - person_p, ..Scores::default() },
        verdict: Verdict::Accept,
        person_area: 0.1,
        pointing: None,
        features: RiskFeatures::default(),
        probe: None,
    }
}

fn clips(cells: &[FixtureCell]) -> Vec<ScoredClip> {
    cells.iter().map(|cell| clip(&cell.person.to_string(), cell.place, cell.truth, cell.label, cell.p)).collect()
}

fn measured(clips: &[ScoredClip]) -> AttributionMeasures {
    AttributionMeasures::of(&CrossedGrid::of(clips).unwrap(), &PermutedFlags::default())
}

fn near(got: f64, expected: f64) {
    assert!((got - expected).abs() < 1e-9, "{got} for {expected}");
}

#[test]
fn a_random_grid_has_the_measures_of_scikit_learn_and_scipy() {
    let fixture = fixture();
    let clips = clips(&fixture.cells);
    let grid = CrossedGrid::of(&clips).unwrap();
    assert_eq!((grid.people, grid.places, grid.cells.len()), (10, 5, fixture.cells.len()));
    for (cell, expected) in grid.cells.iter().zip(&fixture.cells) {
        assert_eq!((cell.kept, cell.given), (expected.kept, expected.given), "{}", cell.clip.name);
    }
    let measures = measured(&clips);
    for (name, [average_precision, spearman, auroc]) in &fixture.measures {
        let score = &measures.scores[name.as_str()];
        near(score.average_precision.value, *average_precision);
        near(score.spearman.value, *spearman);
        near(score.auroc_wrong.value, *auroc);
        for measure in [score.average_precision, score.spearman, score.auroc_wrong] {
            assert!(measure.low < measure.value && measure.value < measure.high, "{name}: {measure:?}");
        }
    }
    let difference = measures.scores["p-background"].average_precision_less_dominance;
    near(difference.value, fixture.measures["p-background"][0] - fixture.measures["dominance"][0]);
    // Paired: narrower than the interval of either.
    let alone = measures.scores["p-background"].average_precision;
    assert!(difference.high - difference.low < alone.high - alone.low, "{difference:?} {alone:?}");
}

#[test]
fn weights_are_how_often_a_cell_occurs() {
    let fixture = fixture();
    let of = |value: &dyn Fn(&FixtureCell) -> f64| fixture.cells.iter().map(value).collect::<Vec<f64>>();
    let effect = of(&|cell| ((cell.given - cell.kept) * 1e9).round() / 1e9);
    let by_place: Vec<bool> = effect.iter().map(|effect| *effect >= 0.25).collect();
    let wrong: Vec<bool> = fixture.cells.iter().map(|cell| cell.label != cell.truth).collect();
    let scores = [
        ("dominance", of(&|cell| f64::from(cell.p[2] - cell.p[1]))),
        ("p-background", of(&|cell| f64::from(cell.p[2]))),
        ("max-softmax", of(&|cell| f64::from(1.0 - cell.p[0]))),
    ];
    for (name, scores) in scores {
        let (ranking, effect) = (Ranking::of(&scores), Ranking::of(&effect));
        let [average_precision, spearman, auroc] = fixture.measures_of_drawn[name];
        near(ranking.average_precision(&by_place, &fixture.drawn), average_precision);
        near(ranking.spearman(&effect, &fixture.drawn), spearman);
        near(ranking.auroc(&wrong, &fixture.drawn), auroc);
    }
}

/// Returns two people of two classes in two places: `a` is always seen as 0, and `b` as the class of the place.
fn two_by_two() -> Vec<ScoredClip> {
    vec![
        clip("a", 0, 0, 0, [0.9, 0.8, 0.5]),
        clip("a", 1, 0, 0, [0.8, 0.7, 0.1]),
        clip("b", 0, 1, 0, [0.9, 0.1, 0.9]),
        clip("b", 1, 1, 1, [0.7, 0.4, 0.6]),
    ]
}

#[test]
fn measures_of_two_people_in_two_places_equal_those_computed_by_hand() {
    let mut clips = two_by_two();
    // The gate flags the two with the largest dominance, one of them without a background that says so.
    clips[2].verdict = Verdict::Flag(FlagReason::BackgroundDominates);
    clips[3].verdict = Verdict::Flag(FlagReason::BackgroundDominates);
    clips[3].best[2] = 0;
    let grid = CrossedGrid::of(&clips).unwrap();
    let of: Vec<[f64; 3]> = grid.cells.iter().map(|cell| [cell.kept, cell.given, cell.effect()]).collect();
    assert_eq!(of, [[1.0, 1.0, 0.0], [1.0, 0.0, -1.0], [0.0, 1.0, 1.0], [0.0, 0.0, 0.0]]);
    assert_eq!(
        grid.cells.iter().map(|cell| cell.names_place()).collect::<Vec<_>>(),
        [None, Some(false), Some(true), None]
    );
    let measures = AttributionMeasures::of(&grid, &PermutedFlags::default());
    near(measures.kept_elsewhere.value, 0.5);
    near(measures.given_to_others.value, 0.5);
    assert_eq!((measures.by_place.value, measures.by_place.of), (0.25, 4));
    assert_eq!((measures.names_place.value, measures.names_place.of), (0.5, 2));
    assert_eq!(measures.names_place_by_chance, 1.0);
    let flagged = measures.flagged;
    assert_eq!((flagged.clips, flagged.effect_above_zero.value, flagged.by_place.value), (2, 0.5, 0.5));
    assert_eq!((flagged.wrong.value, flagged.found.value, flagged.found.of), (0.5, 1.0, 1));
    assert_eq!(flagged.background_not_first, 1);
    // Dominance puts the one label that the place explains, and that is wrong, first; max-softmax puts it last, with
    // another one.
    near(measures.scores["dominance"].average_precision.value, 1.0);
    near(measures.scores["dominance"].auroc_wrong.value, 1.0);
    near(measures.scores["max-softmax"].average_precision.value, 0.25);
    near(measures.scores["max-softmax"].auroc_wrong.value, 1.0 / 6.0);
    near(measures.scores["dominance"].auroc_wrong_less_max_softmax.value, 5.0 / 6.0);
    // Ranks of T: 2.5, 1, 4, 2.5; of dominance -.3, -.6, .8, .2: 2, 1, 4, 3.
    near(measures.scores["dominance"].spearman.value, 4.5 / 22.5f64.sqrt());
}

#[test]
fn a_score_that_some_cells_lack_is_compared_on_the_others() {
    let mut clips = clips(&fixture().cells);
    assert!(!measured(&clips).scores.contains_key("probe"));
    // Where a clip was probed, the probe is dominance: no difference from it, though dominance of all differs.
    for clip in clips.iter_mut().filter(|clip| clip.p[2] > 0.3) {
        clip.scores.probe = Some(clip.scores.dominance);
    }
    let probed = clips.iter().filter(|clip| clip.scores.probe.is_some()).count();
    let measures = measured(&clips);
    let (probe, dominance) = (measures.scores["probe"], measures.scores["dominance"]);
    assert!(probed > 10 && probed < clips.len() && probe.spearman.of == probed, "{probed}: {probe:?}");
    assert_ne!(probe.average_precision.value, dominance.average_precision.value);
    assert_eq!((probe.average_precision_less_dominance.value, probe.spearman_less_dominance.value), (0.0, 0.0));
    // The grid of the probed cells alone, with R and C of all.
    let all = CrossedGrid::of(&clips).unwrap();
    let cells = all.cells.iter().filter(|cell| cell.clip.scores.probe.is_some()).copied().collect();
    let some = AttributionMeasures::of(&CrossedGrid { cells, ..all }, &PermutedFlags::default());
    near(some.scores["dominance"].spearman.value, probe.spearman.value);
    near(some.scores["dominance"].average_precision.value, probe.average_precision.value);
    near(
        some.scores["max-softmax"].auroc_wrong.value,
        probe.auroc_wrong.value - probe.auroc_wrong_less_max_softmax.value,
    );
}

#[test]
fn clips_that_are_no_grid_are_not_compared() {
    // Every person in one place only.
    let alone: Vec<ScoredClip> = (0..8).map(|i| clip(&i.to_string(), i % 2, i % 2, 0, [0.5; 3])).collect();
    assert!(CrossedGrid::of(&alone).is_none());
    // Two people of one class: nobody else could get the label.
    let one_class: Vec<ScoredClip> = (0..4).map(|i| clip(&(i / 2).to_string(), i % 2, 0, 0, [0.5; 3])).collect();
    assert!(CrossedGrid::of(&one_class).is_none());
    // Without a person, without a place, with empty names, of no clips.
    for stratum in ["seed", "background"] {
        let mut clips = two_by_two();
        clips.iter_mut().for_each(|clip| drop(clip.strata.remove(stratum)));
        assert!(CrossedGrid::of(&clips).is_none());
        clips.iter_mut().for_each(|clip| drop(clip.strata.insert(stratum.to_owned(), String::new())));
        assert!(CrossedGrid::of(&clips).is_none());
    }
    assert!(CrossedGrid::of(&[]).is_none());
    // A grid with a few other clips is one, and a few clips of a grid among others are none.
    let mut clips = clips(&fixture().cells);
    let cells = clips.len();
    clips.extend((0..4).map(|i| clip(&format!("other {i}"), 7, 0, 0, [0.5; 3])));
    assert_eq!(CrossedGrid::of(&clips).unwrap().cells.len(), cells);
    clips.extend((4..12).map(|i| clip(&format!("other {i}"), 7, 0, 0, [0.5; 3])));
    assert!(CrossedGrid::of(&clips).is_none());
}

#[test]
fn names_of_people_change_no_measure() {
    let mut clips = clips(&fixture().cells);
    let before = measured(&clips);
    for clip in &mut clips {
        let person = clip.strata["seed"].parse::<usize>().unwrap();
        clip.strata.insert("seed".to_owned(), format!("person {}", (person * 7 + 3) % 10));
    }
    clips.reverse();
    let after = measured(&clips);
    let values = |measures: &AttributionMeasures| {
        // The clips have no other scores.
        let scores = measures.scores.iter().filter(|(name, _)| ["dominance", "max-softmax"].contains(*name));
        let of_scores = scores.flat_map(|(_, s)| [s.average_precision, s.spearman, s.auroc_wrong]);
        let shares = [measures.kept_elsewhere, measures.given_to_others, measures.by_place, measures.names_place];
        of_scores.chain(shares).map(|measure| measure.value).collect::<Vec<_>>()
    };
    values(&before).into_iter().zip(values(&after)).for_each(|(before, after)| near(before, after));
}

#[test]
fn a_random_score_finds_the_share_that_there_is() {
    let measures = measured(&clips(&fixture().cells));
    let random = measures.scores["random"];
    assert!((random.average_precision.value - measures.by_place.value).abs() < 0.08, "{random:?}");
    assert!(random.spearman.value.abs() < 0.1 && (random.auroc_wrong.value - 0.5).abs() < 0.08, "{random:?}");
}

/// Returns a clip of each person and place as `of` says, with the index of both.
fn grid_of(people: usize, places: usize) -> Vec<[usize; 2]> {
    (0..people * places).map(|cell| [cell / places, cell % places]).collect()
}

#[test]
fn samples_draw_people_and_places_not_cells() {
    // Half of 40 people are always right: 400 cells tell no more than 40 people.
    let cells = grid_of(40, 10);
    let share = |weights: &[f64]| {
        let right = cells.iter().zip(weights).filter(|([person, _], _)| person % 2 == 0).map(|(_, weight)| weight);
        right.sum::<f64>() / weights.iter().sum::<f64>()
    };
    let measure = CrossedSamples::new(cells.clone()).measure(share);
    let estimate = measure.estimate(cells.len());
    let half_width = 1.96 * (0.25f64 / 40.0).sqrt();
    assert_eq!((estimate.value, estimate.of), (0.5, 400));
    assert!(((estimate.high - estimate.low) / (2.0 * half_width) - 1.0).abs() < 0.15, "{estimate:?}");
    // A measure less itself is 0 in every sample, which is no interval.
    let none = measure.less(&measure).estimate(400);
    assert!(none.value == 0.0 && none.low.is_nan() && none.high.is_nan());
}

#[test]
fn a_large_grid_is_measured_in_seconds() {
    let label = |person: usize, place: usize| if (person * 31 + place * 17) % 5 < 3 { person % 18 } else { place };
    let p = |cell: usize| [3, 5, 7].map(|step| (cell * step % 97) as f32 / 97.0);
    let cell = |[person, place]: [usize; 2]| {
        clip(&person.to_string(), place, person % 18, label(person, place), p(person * 18 + place))
    };
    let clips: Vec<ScoredClip> = grid_of(108, 18).into_iter().map(cell).collect();
    let begun = std::time::Instant::now();
    let measures = measured(&clips);
    println!("{} cells in {:.1} s", measures.cells, begun.elapsed().as_secs_f64());
    assert_eq!((measures.cells, measures.people, measures.places), (1944, 108, 18));
    assert!(begun.elapsed().as_secs() < 120);
}

/// Score, effect, whether the clip is positive, and weight.
type DrawnClip = (u8, u8, bool, u8);

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn measures_of_ranks_keep_their_values_under_monotone_transforms(
        clips in prop::collection::vec((0u8..6, 0u8..6, any::<bool>(), 0u8..4), 2..40),
    ) {
        let of = |value: &dyn Fn(&DrawnClip) -> f64| clips.iter().map(value).collect::<Vec<f64>>();
        let (scores, effects, weights) = (of(&|c| c.0.into()), of(&|c| c.1.into()), of(&|c| c.3.into()));
        let positive: Vec<bool> = clips.iter().map(|clip| clip.2).collect();
        let (ranking, effect) = (Ranking::of(&scores), Ranking::of(&effects));
        let same = Ranking::of(&of(&|c| f64::from(c.0).exp() - 100.0));
        let all = |ranking: &Ranking, effect: &Ranking, positive: &[bool], weights: &[f64]| [
            ranking.average_precision(positive, weights),
            ranking.spearman(effect, weights),
            ranking.auroc(positive, weights),
        ];
        let expected = all(&ranking, &effect, &positive, &weights);
        let is_same = |a: [f64; 3], b: [f64; 3]| a.iter().zip(b).all(|(a, b)| {
            (a - b).abs() < 1e-9 || (a.is_nan() && b.is_nan())
        });
        prop_assert!(is_same(expected, all(&same, &effect, &positive, &weights)));

        // A clip of weight 3 is three clips.
        let repeated: Vec<usize> = (0..clips.len()).flat_map(|i| vec![i; usize::from(clips[i].3)]).collect();
        let of = |values: &[f64]| Ranking::of(&repeated.iter().map(|&i| values[i]).collect::<Vec<_>>());
        let positive: Vec<bool> = repeated.iter().map(|&i| positive[i]).collect();
        let listed = all(&of(&scores), &of(&effects), &positive, &vec![1.0; repeated.len()]);
        prop_assert!(is_same(expected, listed), "{expected:?} {listed:?}");

        // AUROC from its definition.
        let (mut won, mut pairs) = (0.0, 0.0);
        for &i in repeated.iter().filter(|&&i| clips[i].2) {
            for &j in repeated.iter().filter(|&&j| !clips[j].2) {
                pairs += 1.0;
                won += if clips[i].0 > clips[j].0 { 1.0 } else if clips[i].0 == clips[j].0 { 0.5 } else { 0.0 };
            }
        }
        prop_assert!(is_same([expected[2]; 3], [won / pairs; 3]));
    }
}

/// Returns a record whose full view says `label`, whose person view another class, and whose background `background`.
fn record(clip: usize, classes: usize, label: usize, background: usize) -> Record {
    let logits = |class: usize| (0..classes).map(|k| if k == class { 8.0 } else { 0.0 }).collect::<Vec<f32>>();
    let verdict = json!({"person_area": 0.3, "background_area": 0.5, "frames_with_person": 8,
        "frames": [0, 1, 2, 3, 4, 5, 6, 7], "distinct_frames": 8});
    let logits = json!({"full": logits(label), "person": logits((label + 1) % classes),
        "background": logits(background)});
    let outcome = json!({"scored": {"verdict": verdict, "logits": logits}});
    let record = json!({"kind": "record", "clip": clip.to_string(), "truth": "0", "outcome": outcome});
    serde_json::from_str(&record.to_string()).unwrap()
}

#[test]
fn a_background_that_is_permuted_is_blamed_by_chance_only() {
    let flags = |records: &[Record]| {
        let flags = PermutedFlags::of(&records.iter().collect::<Vec<_>>(), &GateSettings::default()).unwrap();
        assert_eq!((flags.permutations, flags.shares.len()), (10, records.len()));
        flags.shares.values().sum::<f64>() / records.len() as f64
    };
    // Each background says its clip's label; one in twelve others says it too.
    let own: Vec<Record> = (0..240).map(|clip| record(clip, 12, clip % 12, clip % 12)).collect();
    assert!((flags(&own) - 1.0 / 12.0).abs() < 0.02, "{}", flags(&own));
    // The same background everywhere is blamed however it is permuted.
    let same: Vec<Record> = (0..20).map(|clip| record(clip, 12, 3, 3)).collect();
    near(flags(&same), 1.0);
    let none: Vec<Record> = (0..20).map(|clip| record(clip, 12, 3, 5)).collect();
    assert_eq!(flags(&none), 0.0);
    assert_eq!(PermutedFlags::of(&[], &GateSettings::default()).unwrap().shares.len(), 0);
}
