//! Thresholds that are fitted to footage without labels.

use figureground::evaluate::calibration::{
    EmptyRoom, Footage, FootageWindow, check_share, fit_unlabelled, needed_windows,
};
use figureground::gate::{
    CalibrationKind, CalibrationState, Evidence, Gate, GateSettings, OnBackground, RiskSettings, RiskWeights,
    ScoreKind, Verdict, Visibility,
};
use figureground_tests::program::Random;

const CLASSES: usize = 5;

/// Logits of the three views and the visibility of a window.
type DrawnWindow = ([[f32; CLASSES]; 3], Visibility);

/// Draws sources of windows. Neighbouring windows resemble each other; some hold no person.
fn draw(random: &mut Random, sources: usize, windows: usize) -> Vec<Vec<DrawnWindow>> {
    let settings = GateSettings::default();
    let source = |random: &mut Random| {
        let mut logits = [[0f32; CLASSES]; 3];
        let mut window = |_| {
            let kept = random.below(2) as f32;
            logits.iter_mut().flatten().for_each(|logit| *logit = kept * *logit + random.below(400) as f32 / 100.0);
            let person_area = if random.below(8) == 0 { 0.0 } else { 0.2 };
            (logits, Visibility::of_areas(person_area, 0.5, &settings))
        };
        (0..windows).map(&mut window).collect()
    };
    (0..sources).map(|_| source(random)).collect()
}

fn footage(drawn: &[Vec<DrawnWindow>]) -> Footage {
    let mut footage = Footage::default();
    for (index, windows) in drawn.iter().enumerate() {
        let windows = windows.iter().map(|(logits, visibility)| {
            FootageWindow::of(logits.each_ref().map(<[f32; CLASSES]>::as_slice), *visibility)
        });
        footage.add(&format!("{index}.mp4"), windows.collect());
    }
    footage
}

/// Returns the share of judged windows that a gate flags as the background's, and the share that it flags.
fn shares(drawn: &[Vec<DrawnWindow>], settings: &GateSettings) -> [f64; 2] {
    let mut gate = Gate::new(settings.clone()).unwrap();
    let (mut judged, mut flagged) = (0, [0; 2]);
    for windows in drawn {
        gate.reset();
        for (logits, visibility) in windows {
            let views = logits.each_ref().map(<[f32; CLASSES]>::as_slice);
            let judgement = gate.judge(&Evidence::new(views, *visibility).unwrap());
            if matches!(judgement.verdict, Verdict::Abstain(_)) {
                continue;
            }
            let is_by_background = judgement.background_rank == 1 && judgement.attribution.exceeds();
            judged += 1;
            flagged[0] += usize::from(is_by_background);
            flagged[1] += usize::from(matches!(judgement.verdict, Verdict::Flag(_)));
            let is_flagged = judgement.verdict.reason() == Some("background-dominates");
            assert_eq!(is_flagged, is_by_background && settings.on_background == OnBackground::Flag);
        }
    }
    flagged.map(|count| count as f64 / judged as f64)
}

#[test]
fn thresholds_are_the_smallest_that_flag_at_most_the_share() {
    let mut has_flagged = 0;
    for seed in 0..40 {
        let mut random = Random(seed);
        let (sources, windows) = if seed % 2 == 0 { (80, 1) } else { (4, 40) };
        let drawn = draw(&mut random, sources, windows);
        let scores: Vec<ScoreKind> = ScoreKind::ALL.into_iter().filter(|score| *score != ScoreKind::Probe).collect();
        let score = scores[random.below(scores.len())];
        let weights = (score == ScoreKind::Risk).then(|| RiskWeights::new(1.0, [0.3, 0.2, 0.3, 0.2, 0.5, 0.1]));
        let risk = (seed % 3 > 0).then_some(RiskSettings { weights, ..RiskSettings::new(score, 0.5) });
        let on_background = if seed % 5 == 0 { OnBackground::Note } else { OnBackground::Flag };
        let settings = GateSettings { temperature: 0.7, risk, on_background, ..GateSettings::default() };
        let share = [0.1, 0.2, 0.4][random.below(3)];
        let fit = fit_unlabelled(&footage(&drawn), &settings, share).unwrap();

        let [by_background, flagged] = shares(&drawn, &fit.settings);
        assert!(flagged <= share, "{flagged} of {share}");
        assert_eq!((fit.flagged_by_background, fit.flagged), (by_background, flagged));
        assert_eq!(fit.flagged_before, shares(&drawn, &settings)[1]);
        // A smaller threshold flags more than the share.
        let below = |value: f32| value - value.abs().max(1e-3) * 1e-5;
        let tau = fit.settings.threshold;
        let smaller = GateSettings { threshold: below(tau), ..fit.settings.clone() };
        assert!(tau == 0.0 || (tau > 0.0 && shares(&drawn, &smaller)[0] > share), "tau {tau}, seed {seed}");
        if let Some(fitted) = fit.settings.risk {
            assert_eq!(fitted.score, score);
            let risk = Some(RiskSettings { threshold: below(fitted.threshold), ..fitted });
            let smaller = GateSettings { risk, ..fit.settings.clone() };
            assert!(shares(&drawn, &smaller)[1] > share, "{fitted:?}, seed {seed}");
            has_flagged += u32::from(flagged > 0.8 * share);
        }
        // The manifest says what was fitted.
        let calibration = fit.settings.calibration.as_ref().unwrap();
        assert_eq!(calibration.kind, CalibrationKind::Unlabelled);
        assert_eq!((calibration.flagged, calibration.clips as usize), (Some(flagged), fit.judged));
        assert_eq!(calibration.mean_risk.is_some(), risk.is_some());
        assert_eq!(calibration.records, format!("0.mp4 and {} more", sources - 1));
        assert_eq!(fit.settings.calibrated(), Some(CalibrationState::Unlabelled));
        assert_eq!(fit.settings.temperature, 0.7);
        assert_eq!(fit.windows, fit.judged + fit.abstentions.values().sum::<usize>());
    }
    assert!(has_flagged >= 20, "the share is used in {has_flagged} fits only");
}

#[test]
fn a_share_out_of_range_and_too_few_judged_windows_are_refused() {
    for share in [0.0, 1.0, -0.1, f64::NAN, f64::INFINITY] {
        assert!(check_share(share).unwrap_err().to_string().contains("between 0 and 1"), "{share}");
    }
    assert_eq!([0.05, 0.1, 0.25, 0.9].map(needed_windows), [100, 50, 20, 20]);
    let refusal =
        |footage: &Footage, share| fit_unlabelled(footage, &GateSettings::default(), share).unwrap_err().to_string();
    let drawn = draw(&mut Random(1), 30, 1);
    let few = refusal(&footage(&drawn), 0.1);
    assert!(few.contains("at least 50 windows") && few.contains("of 30 windows") && few.contains("no-person"), "{few}");
    assert!(refusal(&Footage::default(), 0.1).contains("no window"));
    // Every window is an abstention.
    let mut nobody = draw(&mut Random(1), 60, 1);
    let hidden = Visibility::of_areas(0.0, 0.5, &GateSettings::default());
    nobody.iter_mut().flatten().for_each(|(_, visibility)| *visibility = hidden);
    assert!(refusal(&footage(&nobody), 0.1).contains("0 of 60 windows, abstentions: no-person 60"));
    // A number that is not finite.
    nobody[3][0].0[1][2] = f32::NAN;
    assert!(refusal(&footage(&nobody), 0.1).contains("NaN"));
}

#[test]
fn an_empty_room_names_the_labels_that_it_gets() {
    let settings = GateSettings { min_confidence: 0.5, ..GateSettings::default() };
    let window = |full: usize, background: usize, logit: f32, person_area: f32| {
        let view = |class: usize| {
            let mut logits = [0f32; CLASSES];
            logits[class] = logit;
            logits
        };
        let logits = [view(full), view(0), view(background)];
        let visibility = Visibility::of_areas(person_area, 0.5, &settings);
        FootageWindow::of(logits.each_ref().map(<[f32; CLASSES]>::as_slice), visibility)
    };
    let (mut empty, mut ordinary) = (Footage::default(), Footage::default());
    empty.add("room.mp4", vec![window(3, 3, 4.0, 0.0), window(3, 4, 5.0, 0.2), window(2, 2, 0.1, 0.0)]);
    // Of ordinary footage, only the windows without a person count.
    ordinary.add("clip.mp4", vec![window(3, 1, 4.0, 0.0), window(2, 2, 4.0, 0.2)]);
    let room = EmptyRoom::examine(&empty, &ordinary, &settings).unwrap();
    assert_eq!((room.windows, room.with_person), (4, 1));
    let labels: Vec<(usize, [usize; 2])> = room.labels.iter().map(|label| (label.class, label.windows)).collect();
    assert_eq!(labels, [(3, [3, 1]), (1, [0, 1]), (4, [0, 1])]);
    let p = |logit: f32| logit.exp() / (logit.exp() + 4.0);
    let largest = room.labels[0].largest_p;
    assert!((largest[0] - p(5.0)).abs() < 1e-6 && (largest[1] - p(4.0)).abs() < 1e-6, "{largest:?}");
    assert_eq!(room.labels[1].largest_p[0], 0.0);
}
