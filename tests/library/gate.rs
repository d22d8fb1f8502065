//! The gate follows its formulas, and refuses evidence and settings out of range.

use figureground::gate::{
    Calibration, CalibrationKind, CalibrationState, Evidence, ExplainedBy, FlagReason, Gate, GateSettings,
    OnBackground, Probe, ProbeThreshold, RiskSettings, RiskWeights, ScoreKind, Verdict, Visibility,
};
use figureground::view::Areas;

const VISIBLE: Visibility = Visibility {
    person_area: 0.2,
    background_area: 0.6,
    frames_with_person: 8,
    frames: 8,
    distinct_frames: 8,
    is_still: false,
};

/// Returns evidence of three views and two classes, in which the first class is predicted with p 0.9.
fn evidence<'a>(person: &'a [f32; 2], background: &'a [f32; 2], visibility: Visibility) -> Evidence<'a> {
    Evidence::new([&[0.0, -2.197_224_6], person, background], visibility).unwrap()
}

/// Judges a window with these probabilities of the first class; the background ranks it first from 0.5 on.
fn verdict(gate: &mut Gate, person: f32, background: f32) -> Verdict {
    let log = |p: f32| [p.ln(), (1.0 - p).ln()];
    gate.judge(&evidence(&log(person), &log(background), VISIBLE)).verdict
}

fn gate(change: impl FnOnce(&mut GateSettings)) -> Gate {
    let mut settings = GateSettings::default();
    change(&mut settings);
    Gate::new(settings).unwrap()
}

const FLAG: Verdict = Verdict::Flag(FlagReason::BackgroundDominates);

#[test]
fn scores_follow_their_formulas() {
    let ln = f32::ln;
    let person = [ln(0.2), ln(0.8)];
    let background = [ln(0.7), ln(0.3)];
    let judged = gate(|_| {}).judge(&evidence(&person, &background, VISIBLE));
    let near = |got: f32, expected: f32| assert!((got - expected).abs() < 1e-5, "{got} for {expected}");
    assert_eq!((judged.label, judged.verdict, judged.calibrated), (0, FLAG, None));
    assert_eq!((judged.explained_by, judged.background_rank), (ExplainedBy::Background, 1));
    near(judged.attribution.value, 0.5);
    near(judged.scores.max_softmax, 0.1);
    near(judged.scores.max_person, 0.8);
    near(judged.scores.full_person_mean, 0.45);
    near(judged.scores.dominance, 0.5);
    near(judged.scores.log_ratio, ln(3.5));
    near(judged.scores.margin, ln(7.0 / 3.0) - ln(0.2 / 0.8));
    near(judged.scores.tie, ln(7.0 / 3.0) - ln(9.0));
    near(judged.scores.disagreement, 0.6);
    near(judged.p[1], 0.2);
}

#[test]
fn a_label_that_the_background_does_not_rank_first_is_not_flagged_as_the_backgrounds() {
    // The background is more certain of the label than the person, and more certain still of the other.
    let [person, background] = [[0.1f32.ln(), 0.9f32.ln()], [0.4f32.ln(), 0.6f32.ln()]];
    let judged = gate(|_| {}).judge(&evidence(&person, &background, VISIBLE));
    assert!(judged.attribution.exceeds() && judged.background_rank == 2);
    assert_eq!((judged.verdict, judged.explained_by), (Verdict::Accept, ExplainedBy::Neither));
}

#[test]
fn the_risk_flags_with_the_reason_that_the_person_view_shows() {
    let judge = |person: f32, threshold| {
        let risk = RiskSettings::new(ScoreKind::MaxSoftmax, threshold);
        let mut gate = gate(|settings| settings.risk = Some(risk));
        gate.judge(&evidence(&[person, 0.0], &[0.0, 1.0], VISIBLE)).verdict.reason()
    };
    assert_eq!(judge(1.0, 0.2), None);
    assert_eq!(judge(1.0, 0.05), Some("likely-wrong"));
    assert_eq!(judge(-1.0, 0.05), Some("person-disagrees"));
}

#[test]
fn the_risk_is_a_logistic_of_margins_and_log_probabilities() {
    let weights = RiskWeights::new(0.5, [0.1, 0.2, 0.3, 0.4, 1.0, 2.0]);
    let risk = RiskSettings { weights: Some(weights), ..RiskSettings::new(ScoreKind::Risk, 0.9) };
    let ln = f32::ln;
    let judged = gate(|settings| settings.risk = Some(risk)).judge(&evidence(
        &[ln(0.2), ln(0.8)],
        &[ln(0.3), ln(0.7)],
        Visibility { frames_with_person: 6, ..VISIBLE },
    ));
    let [full_margin, person_margin] = [ln(9.0), ln(0.25)];
    let parts = [0.5, -0.1 * full_margin, -0.2 * person_margin, -0.3 * ln(0.9), -0.4 * ln(0.2), -0.2, -2.0 * 0.75];
    let log_odds: f32 = parts.iter().sum();
    let expected = 1.0 / (1.0 + (-log_odds).exp());
    let test = judged.risk.unwrap();
    assert!((test.value - expected).abs() < 1e-5, "{} for {expected}", test.value);
    let got = judged.risk_parts.unwrap();
    assert!((got.person_margin - parts[2]).abs() < 1e-5 && (got.frames_with_person - parts[6]).abs() < 1e-6);
    assert_eq!(test.score, ScoreKind::Risk);
}

#[test]
fn without_other_classes_margins_are_0() {
    let mut gate = gate(|settings| {
        let weights = Some(RiskWeights::new(1.0, [1.0; 6]));
        settings.risk = Some(RiskSettings { weights, ..RiskSettings::new(ScoreKind::Risk, 0.5) });
    });
    let judged = gate.judge(&Evidence::new([&[3.0], &[-2.0], &[1.0]], VISIBLE).unwrap());
    assert_eq!((judged.features.full_margin, judged.features.person_log_p), (0.0, 0.0));
    assert_eq!((judged.scores.dominance, judged.verdict), (0.0, Verdict::Accept));
}

#[test]
fn a_noted_background_leaves_the_verdict_to_the_risk() {
    let mut gate = gate(|settings| settings.on_background = OnBackground::Note);
    let judged = gate.judge(&evidence(&[0.0, 3.0], &[3.0, 0.0], VISIBLE));
    assert!(judged.attribution.exceeds() && judged.explained_by == ExplainedBy::Background);
    assert_eq!(judged.verdict, Verdict::Accept);
}

#[test]
fn a_probe_replaces_dominance_where_its_tau_was_fitted() {
    let mut gate = gate(|settings| settings.probe = vec![ProbeThreshold { places: 8, threshold: 0.1 }]);
    let [person, background] = [[0.0, 9.0], [9.0, 0.0]];
    let evidence = evidence(&person, &background, VISIBLE);
    let mut judge = |places, kept| {
        let judged = gate.judge(&evidence.with_probe(Probe::new(places, kept).unwrap()));
        gate.reset();
        (judged.attribution.score, judged.verdict, judged.scores.probe.unwrap())
    };
    let (score, verdict, value) = judge(8, 2);
    assert_eq!((score, verdict), (ScoreKind::Probe, FLAG));
    assert!((value - 0.75).abs() < 1e-3, "{value}");
    assert_eq!(judge(8, 8).1, Verdict::Accept);
    assert_eq!(judge(4, 4).0, ScoreKind::Dominance, "no tau was fitted for 4");
    assert!(Probe::new(0, 0).is_err() && Probe::new(2, 3).is_err());
}

#[test]
fn the_tie_score_subtracts_the_background() {
    let background = [0.999f32.ln(), 0.001f32.ln()];
    let judged = gate(|settings| settings.alpha = 0.5).judge(&evidence(&[0.0; 2], &background, VISIBLE));
    let expected = 0.5 * 999.0f32.ln() - 9.0f32.ln();
    assert!((judged.scores.tie - expected).abs() < 1e-4);
}

#[test]
fn one_temperature_divides_the_logits_of_all_views() {
    let judged = gate(|settings| settings.temperature = 2.0).judge(&evidence(&[2.0, 0.0], &[0.0, 4.0], VISIBLE));
    let p = |logit: f32| 1.0 / (1.0 + (-logit).exp());
    let expected = [p(2.197_224_6 / 2.0), p(1.0), p(-2.0)];
    assert!(judged.p.iter().zip(expected).all(|(p, expected)| (p - expected).abs() < 1e-6), "{:?}", judged.p);
}

#[test]
fn a_changed_threshold_overrides_the_calibration() {
    let calibration = Calibration {
        kind: CalibrationKind::Labels,
        temperature: 1.0,
        threshold: 0.25,
        risk_threshold: None,
        on_background: OnBackground::Flag,
        bound: None,
        clips: 10,
        records: String::new(),
        at: String::new(),
        flagged: None,
        mean_risk: None,
    };
    let state = |threshold, risk| {
        let calibration = Some(calibration.clone());
        GateSettings { threshold, risk, calibration, ..GateSettings::default() }.calibrated()
    };
    let risk = Some(RiskSettings::new(ScoreKind::Tie, 0.0));
    assert_eq!(state(0.25, None), Some(CalibrationState::Labels));
    assert_eq!(state(100.0, None), Some(CalibrationState::Overridden));
    assert_eq!(state(0.25, risk), Some(CalibrationState::Overridden));
    assert_eq!(GateSettings::default().calibrated(), None);
}

#[test]
fn the_first_reason_to_abstain_is_reported() {
    let judge = |visibility, min_confidence| {
        let mut gate = gate(|settings| settings.min_confidence = min_confidence);
        gate.judge(&evidence(&[0.0; 2], &[9.0, 0.0], visibility)).verdict.reason()
    };
    let hidden = Visibility { frames_with_person: 3, background_area: 0.0, ..VISIBLE };
    assert_eq!(judge(hidden, 1.0), Some("no-person"));
    let few = Visibility { frames_with_person: 4, distinct_frames: 3, ..hidden };
    assert_eq!(judge(few, 1.0), Some("too-few-frames"));
    assert_eq!(judge(Visibility { distinct_frames: 4, ..few }, 1.0), Some("person-fills-frame"));
    assert_eq!(judge(Visibility { distinct_frames: 1, is_still: true, ..few }, 1.0), Some("person-fills-frame"));
    assert_eq!(judge(VISIBLE, 1.0), Some("low-confidence"));
    assert_eq!(judge(VISIBLE, 0.5), Some("background-dominates"));
}

#[test]
fn a_flag_holds_until_the_score_has_fallen_by_the_hysteresis() {
    let mut stream = gate(|settings| settings.hysteresis = 0.2);
    assert_eq!(verdict(&mut stream, 0.7, 0.6), Verdict::Accept, "no memory in the first window");
    assert_eq!(verdict(&mut stream, 0.5, 0.6), FLAG);
    assert_eq!(verdict(&mut stream, 0.7, 0.6), FLAG);
    assert_eq!(verdict(&mut stream, 0.9, 0.6), Verdict::Accept);
    assert_eq!(verdict(&mut stream, 0.7, 0.6), Verdict::Accept);
    assert_eq!(verdict(&mut stream, 0.5, 0.6), FLAG);
    stream.reset();
    assert_eq!(verdict(&mut stream, 0.7, 0.6), Verdict::Accept);
}

#[test]
fn the_threshold_in_force_is_reported() {
    let mut stream = gate(|settings| (settings.threshold, settings.hysteresis) = (0.25, 0.125));
    let judge = |gate: &mut Gate| gate.judge(&evidence(&[0.0; 2], &[9.0, 0.0], VISIBLE)).attribution.threshold;
    assert_eq!([judge(&mut stream), judge(&mut stream)], [0.25, 0.125]);
}

#[test]
fn hysteresis_applies_to_one_label() {
    let mut stream = gate(|settings| settings.hysteresis = 0.2);
    assert_eq!(verdict(&mut stream, 0.5, 0.6), FLAG);
    let mut other = |person: f32, background: f32| {
        let log = |p: f32| [(1.0 - p).ln(), p.ln()];
        stream.judge(&Evidence::new([&[0.0, 3.0], &log(person), &log(background)], VISIBLE).unwrap()).verdict
    };
    assert_eq!(other(0.7, 0.6), Verdict::Accept);
    assert_eq!(other(0.5, 0.6), FLAG);
    assert_eq!(other(0.7, 0.6), FLAG);
}

#[test]
fn a_setting_out_of_range_is_named_in_the_error() {
    let refusal = |change: fn(&mut GateSettings)| {
        let mut settings = GateSettings::default();
        change(&mut settings);
        Gate::new(settings).unwrap_err().to_string()
    };
    assert!(refusal(|settings| settings.hysteresis = -1.0).contains("hysteresis"));
    assert!(refusal(|settings| settings.threshold = f32::NAN).contains("threshold"));
    assert!(refusal(|settings| settings.min_person_area = 1.5).contains("min-person-area"));
    assert!(refusal(|settings| settings.temperature = 0.0).contains("temperature"));
    let endless = RiskSettings::new(ScoreKind::Tie, f32::INFINITY);
    let mut settings = GateSettings { risk: Some(endless), ..GateSettings::default() };
    assert!(Gate::new(settings.clone()).unwrap_err().to_string().contains("risk"));
    for risk in [
        RiskSettings::new(ScoreKind::Risk, 0.5),
        RiskSettings::new(ScoreKind::Probe, 0.5),
        RiskSettings { weights: Some(RiskWeights::new(0.0, [-1.0; 6])), ..RiskSettings::new(ScoreKind::Risk, 0.5) },
        RiskSettings { weights: Some(RiskWeights::new(f32::NAN, [0.0; 6])), ..RiskSettings::new(ScoreKind::Risk, 0.5) },
    ] {
        settings.risk = Some(risk);
        assert!(Gate::new(settings.clone()).unwrap_err().to_string().contains("risk"), "{risk:?}");
    }
    settings.risk = None;
    assert!(Gate::new(settings.clone()).is_ok());
    settings.probe = vec![ProbeThreshold { places: 0, threshold: 0.0 }];
    assert!(Gate::new(settings).unwrap_err().to_string().contains("probe"));
}

#[test]
fn invalid_evidence_is_refused() {
    let refused = |log_probs, visibility| Evidence::new(log_probs, visibility).is_err();
    assert!(refused([&[], &[], &[]], VISIBLE));
    assert!(refused([&[0.0], &[0.0], &[0.0, 0.0]], VISIBLE));
    assert!(refused([&[0.0], &[f32::NAN], &[0.0]], VISIBLE));
    assert!(refused([&[0.0]; 3], Visibility { frames: 0, frames_with_person: 0, ..VISIBLE }));
    assert!(refused([&[0.0]; 3], Visibility { frames_with_person: 9, ..VISIBLE }));
    assert!(refused([&[0.0]; 3], Visibility { distinct_frames: 9, ..VISIBLE }));
    assert!(refused([&[0.0]; 3], Visibility { person_area: f32::NAN, ..VISIBLE }));
}

#[test]
fn visibility_counts_the_frames_that_show_a_person() {
    let areas = [(0.0, 1.0), (0.01, 0.9), (0.5, 0.2)].map(|(person, background)| Areas { person, background });
    let visibility = Visibility::of(areas, &GateSettings::default());
    assert_eq!((visibility.frames_with_person, visibility.frames), (2, 3));
    assert!((visibility.person_area - 0.17).abs() < 1e-6 && (visibility.background_area - 0.7).abs() < 1e-6);
}
