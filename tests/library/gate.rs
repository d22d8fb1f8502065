//! The gate follows its formulas, and refuses evidence and settings out of range.

use figureground::gate::{Calibration, Evidence, FlagReason, Gate, GateSettings, Verdict, Visibility};
use figureground::view::Areas;

const VISIBLE: Visibility = Visibility { person_area: 0.2, background_area: 0.6, frames_with_person: 8, frames: 8 };

/// Returns evidence of three views and two classes, in which the first class is predicted with p 0.9.
fn evidence<'a>(person: &'a [f32; 2], background: &'a [f32; 2], visibility: Visibility) -> Evidence<'a> {
    Evidence::new([&[0.0, -2.197_224_6], person, background], visibility).unwrap()
}

fn verdict(gate: &mut Gate, person: f32, background: f32) -> Verdict {
    gate.judge(&evidence(&[person, 0.0], &[background, 0.0], VISIBLE)).verdict
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
    assert_eq!((judged.label, judged.verdict, judged.calibrated), (0, FLAG, false));
    near(judged.dominance, ln(3.5));
    near(judged.scores.log_ratio, ln(3.5));
    near(judged.scores.margin, 0.5);
    near(judged.scores.tie, 0.0);
    near(judged.scores.disagreement, 0.6);
    near(judged.p[1], 0.2);
}

#[test]
fn the_tie_score_subtracts_the_background() {
    let background = [0.999f32.ln(), 0.001f32.ln()];
    let judged = gate(|settings| settings.alpha = 0.5).judge(&evidence(&[0.0; 2], &background, VISIBLE));
    let expected = 0.5 * 999.0f32.ln() - 9.0f32.ln();
    assert!((judged.scores.tie - expected).abs() < 1e-4);
}

#[test]
fn calibration_divides_logits_and_shifts_views() {
    let calibration = Calibration { temperature: [1.0, 2.0, 1.0], offset: [0.0, 0.5, -0.25] };
    let mut calibrated = gate(|settings| settings.calibration = Some(calibration));
    let judged = calibrated.judge(&evidence(&[2.0, 0.0], &[0.0, 0.0], VISIBLE));
    let log_p = 1.0 - (1.0 + 1.0f32.exp()).ln();
    assert!((judged.p[1] - log_p.exp()).abs() < 1e-6);
    assert!((judged.dominance - (0.5f32.ln() - 0.25 - log_p - 0.5)).abs() < 1e-5);
    assert!(judged.calibrated);
}

#[test]
fn the_first_reason_to_abstain_is_reported() {
    let judge = |visibility, min_confidence| {
        let mut gate = gate(|settings| settings.min_confidence = min_confidence);
        gate.judge(&evidence(&[0.0; 2], &[9.0, 0.0], visibility)).verdict.reason()
    };
    let hidden = Visibility { frames_with_person: 3, background_area: 0.0, ..VISIBLE };
    assert_eq!(judge(hidden, 1.0), Some("no-person"));
    assert_eq!(judge(Visibility { frames_with_person: 4, ..hidden }, 1.0), Some("person-fills-frame"));
    assert_eq!(judge(VISIBLE, 1.0), Some("low-confidence"));
    assert_eq!(judge(VISIBLE, 0.5), Some("background-dominates"));
}

#[test]
fn a_flag_holds_until_the_score_has_fallen_by_the_hysteresis() {
    let mut stream = gate(|settings| settings.hysteresis = 0.5);
    assert_eq!(verdict(&mut stream, 0.2, 0.0), Verdict::Accept, "no memory in the first window");
    assert_eq!(verdict(&mut stream, 0.0, 0.2), FLAG);
    assert_eq!(verdict(&mut stream, 0.2, 0.0), FLAG);
    assert_eq!(verdict(&mut stream, 2.0, 0.0), Verdict::Accept);
    assert_eq!(verdict(&mut stream, 0.2, 0.0), Verdict::Accept);
    assert_eq!(verdict(&mut stream, 0.0, 0.2), FLAG);
    stream.reset();
    assert_eq!(verdict(&mut stream, 0.2, 0.0), Verdict::Accept);
}

#[test]
fn hysteresis_applies_to_one_label() {
    let mut stream = gate(|settings| settings.hysteresis = 0.5);
    assert_eq!(verdict(&mut stream, 0.0, 0.2), FLAG);
    let mut other = |person: f32, background: f32| {
        stream.judge(&Evidence::new([&[0.0, 3.0], &[0.0, person], &[0.0, background]], VISIBLE).unwrap()).verdict
    };
    assert_eq!(other(0.2, 0.0), Verdict::Accept);
    assert_eq!(other(0.0, 0.2), FLAG);
    assert_eq!(other(0.2, 0.0), FLAG);
}

#[test]
fn a_setting_out_of_range_is_named_in_the_error() {
    let refusal = |change: fn(&mut GateSettings)| {
        let mut settings = GateSettings::default();
        change(&mut settings);
        Gate::new(settings).unwrap_err().to_string()
    };
    assert!(refusal(|settings| settings.hysteresis = -1.0).contains("hysteresis"));
    assert!(refusal(|settings| settings.threshold.tie = f32::NAN).contains("tie"));
    assert!(refusal(|settings| settings.min_person_area = 1.5).contains("min-person-area"));
    assert!(
        refusal(|settings| {
            settings.calibration = Some(Calibration { temperature: [1.0, 0.0, 1.0], offset: [0.0; 3] });
        })
        .contains("temperature")
    );
}

#[test]
fn invalid_evidence_is_refused() {
    let refused = |log_probs, visibility| Evidence::new(log_probs, visibility).is_err();
    assert!(refused([&[], &[], &[]], VISIBLE));
    assert!(refused([&[0.0], &[0.0], &[0.0, 0.0]], VISIBLE));
    assert!(refused([&[0.0], &[f32::NAN], &[0.0]], VISIBLE));
    assert!(refused([&[0.0]; 3], Visibility { frames: 0, frames_with_person: 0, ..VISIBLE }));
    assert!(refused([&[0.0]; 3], Visibility { frames_with_person: 9, ..VISIBLE }));
    assert!(refused([&[0.0]; 3], Visibility { person_area: f32::NAN, ..VISIBLE }));
}

#[test]
fn visibility_counts_the_frames_that_show_a_person() {
    let areas = [(0.0, 1.0), (0.01, 0.9), (0.5, 0.2)].map(|(person, background)| Areas { person, background });
    let visibility = Visibility::of(areas, &GateSettings::default());
    assert_eq!((visibility.frames_with_person, visibility.frames), (2, 3));
    assert!((visibility.person_area - 0.17).abs() < 1e-6 && (visibility.background_area - 0.7).abs() < 1e-6);
}
