//! Measures of records: against values computed by hand and by scikit-learn.

use figureground::evaluate::Record;
use figureground::evaluate::metrics::bootstrap::estimate;
use figureground::evaluate::metrics::{
    Classes, CounterfactualClips, Measures, ScoredClip, Unscored, accuracy, exact, pearson, score_records, selective,
};
use figureground::gate::{FlagReason, GateSettings, RiskFeatures, Scores, Verdict};
use figureground::view::View;
use proptest::prelude::*;
use serde::Deserialize;
use serde_json::json;
use std::collections::BTreeMap;

/// Generator of random numbers, SplitMix64.
struct SplitMix64(u64);

impl SplitMix64 {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Returns a number in 0..`end`.
    fn below(&mut self, end: usize) -> usize {
        ((u128::from(self.next()) * end as u128) >> 64) as usize
    }
}

/// Returns a clip whose views have these best classes.
fn clip(truth: usize, best: [usize; 3], p_full: f32, log_ratio: f32) -> ScoredClip {
    ScoredClip {
        name: String::new(),
        truth,
        background: Some(2),
        strata: BTreeMap::new(),
        best,
        in_top5: true,
        p: [p_full, 0.5, 0.5],
        p_truth: [0.5; 3],
        tie: best[1],
        scores: Scores { max_softmax: 1.0 - p_full, log_ratio, ..Scores::default() },
        verdict: if log_ratio > 0.0 { Verdict::Flag(FlagReason::BackgroundDominates) } else { Verdict::Accept },
        person_area: 0.1,
        pointing: None,
        features: RiskFeatures::default(),
        probe: None,
    }
}

/// Returns ten clips of three classes: truth; best of full, person, background; p; dominance.
fn ten() -> Vec<ScoredClip> {
    vec![
        clip(0, [0, 0, 2], 0.95, -3.0),
        clip(0, [0, 0, 0], 0.90, -2.0),
        clip(0, [2, 0, 2], 0.99, 4.0),
        clip(0, [2, 1, 2], 0.80, 3.0),
        clip(1, [1, 1, 2], 0.70, -1.0),
        clip(1, [1, 1, 1], 0.60, 0.5),
        clip(1, [0, 0, 2], 0.50, -0.5),
        clip(1, [1, 0, 2], 0.40, -4.0),
        clip(2, [2, 2, 2], 0.85, 1.0),
        clip(2, [2, 0, 2], 0.75, 2.0),
    ]
}

fn measured() -> Measures {
    Measures::of(&ten(), Unscored::default(), &["a", "b", "c"].map(str::to_owned), &CounterfactualClips::new())
}

fn near(got: f64, expected: f64) {
    assert!((got - expected).abs() < 1e-9, "{got} for {expected}");
}

#[test]
fn measures_of_ten_clips_equal_those_computed_by_hand() {
    let measures = measured();
    let metric = |name: &str| measures.metrics[name].value;
    // Right: all but the third, fourth and seventh.
    near(metric("top1"), 0.7);
    // 2 of 4, 3 of 4, 2 of 2.
    near(metric("mean_class"), (0.5 + 0.75 + 1.0) / 3.0);
    // Person: 1, 2, 3, 5, 6, 9. Background: 2, 6, 9, 10.
    near(metric("p_top1"), 0.6);
    near(metric("b_top1"), 0.4);

    // From the most confident by dominance: clips 8 1 2 5 7 | 6 9 10 4 3; wrong are 7, 4 and 3.
    let wrong: [f64; 10] = [0.0, 0.0, 0.0, 0.0, 1.0, 1.0, 1.0, 1.0, 2.0, 3.0];
    let aurc = wrong.iter().enumerate().map(|(k, wrong)| wrong / (k + 1) as f64).sum::<f64>() / 10.0;
    let best: f64 = (1.0 / 8.0 + 2.0 / 9.0 + 3.0 / 10.0) / 10.0;
    let gate = &measures.gates["log-ratio"];
    near(gate.aurc.value, aurc);
    near(gate.e_aurc.value, aurc - best);
    near(gate.augrc.value, wrong.iter().sum::<f64>() / 100.0);
    near(gate.risk_at["50%"].value, 0.2);
    near(gate.risk_at["80%"].value, 1.0 / 8.0);
    near(gate.risk_at["100%"].value, 0.3);
    assert_eq!(["50%", "80%", "100%"].map(|coverage| gate.risk_at[coverage].of), [5, 8, 10]);
    // Wrong with the label of the background's class: 3 and 4, which have the two largest scores.
    near(gate.auroc_wrong_by_background.value, 1.0);
    // By p the third is the most confident, and the fourth comes after 3 1 2 9: 13 of the 16 pairs are in the wrong
    // order.
    near(measures.gates["max-softmax"].auroc_wrong_by_background.value, 3.0 / 16.0);
    near(gate.aurc_less_max_softmax.value, aurc - measures.gates["max-softmax"].aurc.value);

    // Flagged: 3, 4, 6, 9, 10. Of the right ones 6, 9 and 10; of the wrong ones 3 and 4.
    let verdict = |name: &str| measures.verdicts[name].value;
    near(verdict("flagged"), 0.5);
    near(verdict("right_flagged"), 3.0 / 7.0);
    near(verdict("wrong_flagged"), 2.0 / 3.0);
    near(verdict("top1_of_accepted"), 0.8);
    // By the person's label the third becomes right and the tenth wrong.
    near(verdict("top1_flagged_by_person"), 0.7);
    // What every measure stands on: 7 right and 3 wrong labels, 5 accepted ones, 10 clips.
    let of = |name: &str| measures.verdicts[name].of;
    assert_eq!(["flagged", "right_flagged", "wrong_flagged", "top1_of_accepted"].map(of), [10, 7, 3, 5]);
    // 3 and 4 are wrong because of the background.
    let by_background = measures.metrics["wrong_by_background"];
    assert_eq!((by_background.value, by_background.of, gate.aurc.of), (0.2, 10, 10));
    assert_eq!(measures.classes.iter().map(|class| class.top1.of).collect::<Vec<_>>(), [4, 4, 2]);
    assert_eq!(measures.confusion.counts["c"]["c"], 4);
    assert_eq!(measures.confusion.counts["b"]["c"], 2);
}

#[derive(Deserialize)]
struct Fixture {
    truth: Vec<usize>,
    log_probs: Vec<Vec<f32>>,
    confidence: Vec<f64>,
    top1: f64,
    top5: f64,
    mean_class: f64,
    auroc: f64,
    aurc: f64,
    e_aurc: f64,
    augrc: f64,
}

#[test]
fn measures_of_random_predictions_equal_those_of_scikit_learn() {
    let fixture: Fixture = serde_json::from_str(include_str!("../fixtures/metrics.json")).unwrap();
    let record = |(truth, log_probs): (&usize, &Vec<f32>)| {
        let verdict = json!({"person_area": 0.5, "background_area": 0.5, "frames_with_person": 1, "frames": [0],
            "distinct_frames": 1});
        let logits = json!({"full": log_probs, "person": log_probs, "background": log_probs});
        let outcome = json!({"scored": {"verdict": verdict, "logits": logits}});
        let record = json!({"kind": "record", "clip": "", "truth": truth.to_string(), "outcome": outcome}).to_string();
        serde_json::from_str(&record).unwrap()
    };
    let records: Vec<Record> = fixture.truth.iter().zip(&fixture.log_probs).map(record).collect();
    let names: Vec<String> = (0..fixture.log_probs[0].len()).map(|class| class.to_string()).collect();
    let (clips, _) = score_records(&records, &names, &GateSettings::default()).unwrap();
    assert_eq!(clips.len(), fixture.truth.len());
    near(accuracy::top1(&clips, View::Full), fixture.top1);
    near(accuracy::top5(&clips), fixture.top5);
    near(accuracy::mean_class(&clips), fixture.mean_class);
    let pairs: Vec<(f64, bool)> =
        fixture.confidence.iter().zip(&clips).map(|(&confidence, clip)| (confidence, !clip.is_right())).collect();
    let negated: Vec<(f64, bool)> = pairs.iter().map(|&(confidence, wrong)| (-confidence, wrong)).collect();
    near(selective::auroc(&negated), fixture.auroc);
    // The fixture's areas are means over 4,000 random orders of ties.
    for (got, expected) in [
        (selective::aurc(&pairs), fixture.aurc),
        (selective::e_aurc(&pairs), fixture.e_aurc),
        (selective::augrc(&pairs), fixture.augrc),
    ] {
        assert!((got - expected).abs() < 5e-4, "{got} for {expected}");
    }
}

#[test]
fn the_best_order_has_the_smallest_area_and_no_excess() {
    let mut rng = SplitMix64(3);
    for _ in 0..50 {
        let clips: Vec<(f64, bool)> = (0..40).map(|_| (rng.below(7) as f64, rng.below(3) == 0)).collect();
        let best: Vec<(f64, bool)> = clips.iter().map(|&(_, wrong)| (f64::from(u8::from(!wrong)), wrong)).collect();
        assert!(selective::e_aurc(&clips) >= -1e-12 && selective::e_aurc(&best).abs() < 1e-12);
        assert!(selective::augrc(&clips) >= selective::augrc(&best) - 1e-12);
        let risks = selective::risks(&clips);
        near(risks[39], clips.iter().filter(|(_, wrong)| *wrong).count() as f64 / 40.0);
        let reversed: Vec<(f64, bool)> = clips.iter().map(|&(c, wrong)| (c, !wrong)).collect();
        near(selective::auroc(&clips) + selective::auroc(&reversed), 1.0);
    }
}

#[test]
fn intervals_contain_the_true_value_as_often_as_their_level() {
    let mut rng = SplitMix64(9);
    let contained = (0..200)
        .filter(|_| {
            let sample: Vec<bool> = (0..80).map(|_| rng.below(10) < 3).collect();
            let mean = |sample: &[&bool]| sample.iter().filter(|&&&yes| yes).count() as f64 / sample.len() as f64;
            let found = estimate(&sample, mean);
            found.low <= 0.3 && 0.3 <= found.high
        })
        .count();
    assert!((175..=200).contains(&contained), "{contained} of 200");
}

/// Returns the probabilities of 0 to `of` successes with probability `p` each, one draw after the other.
fn binomial(of: usize, p: f64) -> Vec<f64> {
    let mut probabilities = vec![1.0];
    for _ in 0..of {
        let mut next = vec![0.0; probabilities.len() + 1];
        for (count, probability) in probabilities.iter().enumerate() {
            next[count] += probability * (1.0 - p);
            next[count + 1] += probability * p;
        }
        probabilities = next;
    }
    probabilities
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn the_ends_of_an_exact_interval_have_tails_of_a_fortieth(of in 1usize..120, part in 0.0f64..=1.0) {
        let count = (part * of as f64).round() as usize;
        let [low, high] = exact::clopper_pearson(count as f64, of);
        prop_assert!((0.0..=1.0).contains(&low) && low <= count as f64 / of as f64 && count as f64 / of as f64 <= high);
        if count > 0 {
            let at_least: f64 = binomial(of, low)[count..].iter().sum();
            prop_assert!((at_least - 0.025).abs() < 1e-9, "{at_least} at {low} for {count} of {of}");
        } else {
            prop_assert_eq!(low, 0.0);
        }
        if count < of {
            let at_most: f64 = binomial(of, high)[..=count].iter().sum();
            prop_assert!((at_most - 0.025).abs() < 1e-9, "{at_most} at {high} for {count} of {of}");
        } else {
            prop_assert_eq!(high, 1.0);
        }
    }
}

#[test]
fn exact_intervals_equal_published_ones() {
    // None of 10: 1 - 0.025^(1/10). Clopper and Pearson's chart: 3 of 10 gives .067 to .652.
    let [low, high] = exact::clopper_pearson(0.0, 10);
    assert_eq!(low, 0.0);
    near(high, 1.0 - 0.025f64.powf(0.1));
    let [low, high] = exact::clopper_pearson(10.0, 10);
    near(low, 0.025f64.powf(0.1));
    assert_eq!(high, 1.0);
    let [low, high] = exact::clopper_pearson(3.0, 10);
    assert!((low - 0.06674).abs() < 1e-5 && (high - 0.65245).abs() < 1e-5, "{low} {high}");
    let of_none = exact::share([]);
    assert!(of_none.value.is_nan() && of_none.low.is_nan() && of_none.high.is_nan() && of_none.of == 0);
    let of_one = exact::share([true]);
    assert_eq!((of_one.value, of_one.high, of_one.of), (1.0, 1.0, 1));
    near(of_one.low, 0.025);
}

#[test]
fn exact_intervals_contain_the_true_share_at_least_as_often_as_their_level() {
    for (of, p) in [(5usize, 0.1), (12, 0.03), (40, 0.5), (80, 0.98)] {
        let contains = |count: usize| {
            let [low, high] = exact::clopper_pearson(count as f64, of);
            low <= p && p <= high
        };
        let probabilities = binomial(of, p);
        let covered: f64 = (0..=of).filter(|count| contains(*count)).map(|count| probabilities[count]).sum();
        assert!(covered >= 0.95, "{covered} for {of} of {p}");
    }
}

#[test]
fn samples_that_all_agree_give_no_interval() {
    let all_right = estimate(&[true; 8], |sample| sample.iter().filter(|yes| ***yes).count() as f64 / 8.0);
    assert!(all_right.value == 1.0 && all_right.low.is_nan() && all_right.high.is_nan() && all_right.of == 8);
}

#[test]
fn labels_match_with_underscores_and_in_any_case_unless_ambiguous() {
    let classes = Classes::new(&["Waving while walking".to_owned(), "bow".to_owned()]);
    assert_eq!(classes.index("waving_while_walking"), Some(0));
    assert_eq!(classes.index(" bow"), Some(1));
    assert_eq!(classes.index("bowing"), None);
    let classes = Classes::new(&["Polish".to_owned(), "polish".to_owned()]);
    assert_eq!((classes.index("Polish"), classes.index("polish"), classes.index("POLISH")), (Some(0), Some(1), None));
}

#[test]
fn measures_of_no_clips_are_null() {
    let measures = Measures::of(&[], Unscored::default(), &[], &CounterfactualClips::new());
    let json = serde_json::to_value(&measures).unwrap();
    assert!(json["metrics"]["top1"]["value"].is_null() && json["gates"]["tie"]["aurc"]["low"].is_null());
}

/// Returns counterfactual clips of the ten clips, with these labels and this class of the background.
fn counterfactual(labels: [usize; 10], background: usize) -> Vec<ScoredClip> {
    let relabelled = |(index, (clip, label)): (usize, (ScoredClip, usize))| ScoredClip {
        name: index.to_string(),
        background: Some(background),
        best: [label, clip.best[1], clip.best[2]],
        ..clip
    };
    ten().into_iter().zip(labels).enumerate().map(relabelled).collect()
}

#[test]
fn measures_of_counterfactual_clips_equal_those_computed_by_hand() {
    let mut clips = ten();
    clips.iter_mut().enumerate().for_each(|(index, clip)| clip.name = index.to_string());
    for (index, clip) in clips.iter_mut().enumerate() {
        // The larger the class's number, the larger its people.
        (clip.person_area, clip.pointing) = (0.1 * (clip.truth + 1) as f32, Some(if index == 9 { 0.0 } else { 1.0 }));
    }
    // Truth: 0 0 0 0 1 1 1 1 2 2.
    let labelled = [
        ("background-only", counterfactual([0, 1, 2, 2, 2, 1, 2, 2, 2, 2], 2)),
        ("human-only", counterfactual([0, 0, 0, 1, 1, 0, 0, 0, 0, 0], 2)),
        ("swap-random-1", counterfactual([0, 2, 2, 2, 1, 2, 0, 0, 2, 0], 2)),
        ("swap-random-2", counterfactual([0, 0, 2, 2, 1, 2, 0, 0, 2, 2], 2)),
        ("swap-same-1", counterfactual([0, 0, 0, 2, 1, 1, 1, 0, 2, 2], 2)),
        ("scuba-stripes", counterfactual([0, 0, 1, 1, 1, 1, 0, 0, 2, 0], 2)),
        ("scufo-stripes", counterfactual([0, 1, 1, 1, 2, 1, 0, 0, 0, 0], 2)),
        ("conflfg-stripes", counterfactual([0, 0, 0, 1, 1, 2, 2, 2, 0, 0], 2)),
        ("scuba-places", counterfactual([0, 0, 0, 0, 1, 1, 1, 0, 2, 2], 2)),
    ];
    let sets: CounterfactualClips = labelled.into_iter().map(|(name, clips)| (name.to_owned(), clips)).collect();
    let names = ["a", "b", "c"].map(str::to_owned);
    let bias = Measures::of(&clips, Unscored::default(), &names, &sets).counterfactual.unwrap();
    // Of 7 right clips: Background-Only has 1, 6, 9 and 10 right, Human-Only 1, 2, 3 and 5.
    near(bias.bor.unwrap().value, 4.0 / 7.0);
    near(bias.hor.unwrap().value, 4.0 / 7.0);
    // Right: 1 5 9, and 1 2 5 9 10. The background's class where it is not the truth: 2 3 4 6, and 3 4 6.
    let random = &bias.swaps["random"];
    near(random.shacc.mean, 0.4);
    near(random.shacc.deviation, 0.02f64.sqrt());
    let sberr = random.sberr.as_ref().unwrap();
    near(sberr.mean, 0.35);
    assert_eq!((sberr.draws, random.of), (2, 20));
    let by_background = bias.wrong_by_background.unwrap();
    assert_eq!((by_background.of, by_background.value), (20, 0.35));
    assert_eq!((bias.bor.unwrap().of, bias.still["stripes"].scuba.unwrap().of), (10, 10));
    assert_eq!((sberr.draws, bias.swaps["same"].sberr.is_none(), bias.swaps.contains_key("far")), (2, true, false));
    near(bias.swaps["same"].shacc.mean, 0.8);
    near(bias.swaps["same"].shacc.deviation, 0.0);
    // SCUBA right: 1 2 5 6 9; SCUFO has the same label for 1 and 6.
    let stripes = bias.still["stripes"];
    near(stripes.scuba.unwrap().value, 0.5);
    near(stripes.scufo.unwrap().value, 0.2);
    near(stripes.conflfg.unwrap().value, 0.4);
    near(stripes.contrastive.unwrap().value, 0.3);
    assert!(bias.still["places"].contrastive.is_none());
    near(bias.still["mean"].scuba.unwrap().value, 0.7);
    near(bias.still["mean"].contrastive.unwrap().value, 0.3);
    // SHAcc by class: 3 of 8, 2 of 8, 3 of 4, at areas .1, .2, .3; pointing 1, 1, 1/2.
    let size = bias.person_size.unwrap();
    let by_hand = pearson(&[(1.0, 0.375), (2.0, 0.25), (3.0, 0.75)]);
    assert!((size.shacc - by_hand).abs() < 1e-6 && (by_hand - 0.720_577).abs() < 1e-6, "{} {by_hand}", size.shacc);
    let with_pointing = pearson(&[(0.375, 1.0), (0.25, 1.0), (0.75, 0.5)]);
    assert!((size.shacc_with_pointing - with_pointing).abs() < 1e-6 && with_pointing < -0.9);
    assert!((size.pointing - pearson(&[(1.0, 1.0), (2.0, 1.0), (3.0, 0.5)])).abs() < 1e-6);
    assert!(bias.auroc_wrong_by_background["log-ratio"].value > 0.0);
    near(Measures::of(&clips, Unscored::default(), &names, &CounterfactualClips::new()).metrics["pointing"].value, 0.9);
}
