//! Properties of the algebra for every input: masks, views, preprocessing, zero-shot scores and the gate.

use figureground::frame::Frame;
use figureground::gate::{
    AbstainReason, Evidence, FlagReason, Gate, GateSettings, Judgement, OnBackground, Probe, ProbeThreshold,
    RiskSettings, RiskWeights, ScoreKind, Verdict, Visibility,
};
use figureground::mask::{Boxes, Components, Dilation, MAX_BOXES, Mask, PixelBox, Regions, Shape, Size};
use figureground::preprocess::{
    ChannelOrder, Geometry, Interpolation, Layout, MaskSampler, PreprocessSettings, Preprocessor, Resize, ResizeLibrary,
};
use figureground::view::{Fill, Masking, View, ViewComposer};
use figureground::zeroshot::{Embedding, LabelBank, LogProbs, TemplateFusion, TextEmbeds, log_softmax, top_k};
use proptest::collection::vec;
use proptest::prelude::*;

fn sized(width: u32, height: u32) -> Size {
    Size::new(width, height).unwrap()
}

fn shape(size: Size, pixels: &[bool]) -> Shape {
    let mut shape = Shape::new(size);
    shape.pixels_mut().copy_from_slice(&pixels[..size.area()]);
    shape
}

fn inside(boxes: &[PixelBox], x: u32, y: u32) -> bool {
    boxes.iter().any(|area| (area.left..area.right).contains(&x) && (area.top..area.bottom).contains(&y))
}

mod masks {
    use super::*;

    /// Returns area and bounding box of each component, by a simple flood fill.
    fn flooded(shape: &Shape) -> Vec<(usize, PixelBox)> {
        let (width, height) = (shape.size().width() as i64, shape.size().height() as i64);
        let mut left = shape.pixels().to_vec();
        let mut components = Vec::new();
        while let Some(start) = left.iter().position(|&pixel| pixel) {
            let (mut area, mut open) = (0, vec![start as i64]);
            let (x, y) = ((start as i64 % width) as u32, (start as i64 / width) as u32);
            let mut bounds = PixelBox { left: x, top: y, right: x + 1, bottom: y + 1 };
            left[start] = false;
            while let Some(at) = open.pop() {
                let (x, y) = (at % width, at / width);
                let pixel = PixelBox { left: x as u32, top: y as u32, right: x as u32 + 1, bottom: y as u32 + 1 };
                (area, bounds) = (area + 1, bounds.around(pixel));
                for (dx, dy) in (-1..=1).flat_map(|dy| (-1..=1).map(move |dx| (dx, dy))) {
                    let (x, y) = (x + dx, y + dy);
                    if (0..width).contains(&x) && (0..height).contains(&y) && left[(y * width + x) as usize] {
                        left[(y * width + x) as usize] = false;
                        open.push(y * width + x);
                    }
                }
            }
            components.push((area, bounds));
        }
        components
    }

    proptest! {
        #[test]
        fn boxes_contain_exactly_their_components(
            width in 1..48u32, height in 1..48u32, density in 0.05..0.7f64, noise in vec(0.0..1.0f64, 48 * 48),
        ) {
            let pixels: Vec<bool> = noise.iter().map(|value| *value < density).collect();
            let shape = shape(sized(width, height), &pixels);
            let mut boxes = Boxes::new();
            Components::new(shape.size()).boxes(&shape, &mut boxes).unwrap();

            let large = |area: usize| area * MAX_BOXES >= shape.size().area();
            let expected: Vec<PixelBox> =
                flooded(&shape).into_iter().filter(|(area, _)| large(*area)).map(|(_, bounds)| bounds).collect();
            prop_assert_eq!(boxes.as_slice(), expected.as_slice());
        }

        #[test]
        fn dilation_adds_exactly_the_pixels_within_its_distance(
            width in 1..20u32, height in 1..20u32, iterations in 0..4u32,
            pixels in vec(prop::bool::weighted(0.05), 400),
        ) {
            let before = shape(sized(width, height), &pixels);
            let mut after = before.clone();
            Dilation::new(before.size(), iterations).apply(&mut after).unwrap();
            let place = |i: usize| (i as u32 % width, i as u32 / width);
            for (i, grown) in after.pixels().iter().enumerate() {
                let (x, y) = place(i);
                let near = |j: usize| x.abs_diff(place(j).0) + y.abs_diff(place(j).1) <= iterations;
                let expected = before.pixels().iter().enumerate().any(|(j, set)| *set && near(j));
                prop_assert_eq!(*grown, expected);
            }
        }

        #[test]
        fn a_smoothed_mask_stays_a_probability(
            p in prop::num::f32::ANY, previous in 0.0..=1.0f32, weight in 0.0..1.0f32,
        ) {
            let (mut mask, mut before) = (Mask::new(sized(1, 1)), Mask::new(sized(1, 1)));
            mask.probabilities_mut()[0] = p;
            before.probabilities_mut()[0] = previous;
            mask.smooth(&before, weight).unwrap();
            prop_assert!((0.0..=1.0).contains(&mask.probabilities()[0]));
        }
    }
}

mod views {
    use super::*;

    const SIDE: u32 = 12;
    const AREA: usize = (SIDE * SIDE) as usize;
    const FILL: Fill = Fill([-7.0, -8.0, -9.0]);
    const OBJECT_FILL: Fill = Fill([17.0, 18.0, 19.0]);

    /// Owned regions of a picture. Pixel values are 1 to 2, so no pixel has the value of a fill.
    #[derive(Debug, Clone)]
    struct Scene {
        pixel_values: Vec<f32>,
        person: Shape,
        person_boxes: Vec<PixelBox>,
        objects: Option<Shape>,
        object_boxes: Vec<PixelBox>,
    }

    impl Scene {
        fn regions(&self) -> Regions<'_> {
            Regions {
                person: &self.person,
                person_boxes: &self.person_boxes,
                objects: self.objects.as_ref(),
                object_boxes: &self.object_boxes,
            }
        }

        fn person(&self, i: usize) -> bool {
            self.person.pixels()[i]
        }

        fn object(&self, i: usize) -> bool {
            self.objects.as_ref().is_some_and(|objects| objects.pixels()[i])
        }
    }

    fn boxes() -> impl Strategy<Value = Vec<PixelBox>> {
        let side = || 0..SIDE + 3;
        let area = (side(), side(), side(), side());
        vec(area.prop_map(|(left, top, right, bottom)| PixelBox { left, top, right, bottom }), 0..4)
    }

    fn shapes() -> impl Strategy<Value = Shape> {
        vec(any::<bool>(), AREA).prop_map(|pixels| shape(sized(SIDE, SIDE), &pixels))
    }

    fn scenes() -> impl Strategy<Value = Scene> {
        (vec(1.0..2.0f32, 3 * AREA), shapes(), boxes(), prop::option::of(shapes()), boxes()).prop_map(
            |(pixel_values, person, person_boxes, objects, object_boxes)| Scene {
                pixel_values,
                person,
                person_boxes,
                objects,
                object_boxes,
            },
        )
    }

    /// Computes Eq. 1 pixel by pixel: pixel `i` becomes `fill(i)` if that is a colour.
    fn expected(scene: &Scene, fill: impl Fn(usize) -> Option<Fill>) -> Vec<f32> {
        let value = |i: usize| fill(i % AREA).map_or(scene.pixel_values[i], |Fill(colour)| colour[i / AREA]);
        (0..3 * AREA).map(value).collect()
    }

    fn masked(scene: &Scene, masking: Masking) -> Vec<f32> {
        let mut out = vec![0.0; 3 * AREA];
        masking.apply(&scene.pixel_values, &scene.regions(), &mut Shape::new(sized(SIDE, SIDE)), &mut out).unwrap();
        out
    }

    fn composed(scene: &Scene, object_fill: Option<Fill>) -> ([Vec<f32>; 3], f32, f32) {
        let mut views = vec![0.0; 9 * AREA];
        let mut composer = ViewComposer::new(sized(SIDE, SIDE), FILL, object_fill);
        let areas = composer.compose(&scene.pixel_values, &scene.regions(), &mut views).unwrap();
        (View::ALL.map(|view| views[view.index() * 3 * AREA..][..3 * AREA].to_vec()), areas.person, areas.background)
    }

    fn boxed(boxes: &[PixelBox], i: usize) -> bool {
        inside(boxes, i as u32 % SIDE, i as u32 / SIDE)
    }

    proptest! {
        #[test]
        fn views_hide_exactly_the_pixels_of_their_equations(scene in scenes()) {
            let ([full, person, background], person_area, background_area) = composed(&scene, None);
            let in_background = |i: usize| scene.person(i) || boxed(&scene.person_boxes, i) && !scene.object(i);
            prop_assert_eq!(&full, &scene.pixel_values);
            prop_assert_eq!(person, expected(&scene, |i| (!scene.person(i)).then_some(FILL)));
            prop_assert_eq!(background, expected(&scene, |i| in_background(i).then_some(FILL)));

            let fraction = |holds: &dyn Fn(usize) -> bool| (0..AREA).filter(|i| holds(*i)).count() as f32 / AREA as f32;
            prop_assert!((person_area - fraction(&|i| scene.person(i))).abs() < 1e-6);
            prop_assert!((background_area - fraction(&|i| !in_background(i))).abs() < 1e-6);
        }

        #[test]
        fn every_masking_follows_its_equation(scene in scenes()) {
            let objects = |i: usize| !scene.person(i) && scene.object(i);
            let in_boxes = |i: usize| !scene.person(i) && boxed(&scene.object_boxes, i);
            let two = |i: usize| if objects(i) { Some(OBJECT_FILL) } else { (!scene.person(i)).then_some(FILL) };
            let both = Masking::BackgroundAndObjects { background: FILL, objects: OBJECT_FILL };

            prop_assert_eq!(&masked(&scene, Masking::None), &scene.pixel_values);
            let background = masked(&scene, Masking::Background(FILL));
            prop_assert_eq!(background, expected(&scene, |i| (!scene.person(i)).then_some(FILL)));
            let boxes = masked(&scene, Masking::ObjectBoxes(FILL));
            prop_assert_eq!(boxes, expected(&scene, |i| in_boxes(i).then_some(FILL)));
            let shapes = masked(&scene, Masking::ObjectShapes(FILL));
            prop_assert_eq!(shapes, expected(&scene, |i| objects(i).then_some(FILL)));
            prop_assert_eq!(masked(&scene, both), expected(&scene, two));
            prop_assert_eq!(&composed(&scene, Some(OBJECT_FILL)).0[1], &expected(&scene, two));
        }

        #[test]
        fn person_pixels_are_never_hidden_by_a_masking(scene in scenes()) {
            for masking in [
                Masking::Background(FILL),
                Masking::ObjectBoxes(FILL),
                Masking::ObjectShapes(FILL),
                Masking::BackgroundAndObjects { background: FILL, objects: OBJECT_FILL },
            ] {
                let out = masked(&scene, masking);
                prop_assert!((0..3 * AREA).all(|i| !scene.person(i % AREA) || out[i] == scene.pixel_values[i]));
            }
        }

        #[test]
        fn pixels_hidden_in_both_person_and_background_view_are_in_a_person_box(scene in scenes()) {
            let ([full, person, background], ..) = composed(&scene, None);
            for i in 0..3 * AREA {
                let shown = person[i] == full[i] || background[i] == full[i];
                prop_assert!(shown || boxed(&scene.person_boxes, i % AREA));
            }
        }
    }
}

mod geometry {
    use super::*;

    fn settings(width: u32, height: u32, resize: Resize) -> PreprocessSettings {
        PreprocessSettings {
            width,
            height,
            resize,
            interpolation: Interpolation::Bilinear,
            family: ResizeLibrary::Pillow,
            layout: Layout::Nchw,
            channel_order: ChannelOrder::Rgb,
            scale: 1.0 / 255.0,
            mean: [0.0; 3],
            std: [1.0; 3],
        }
    }

    fn resizes(shortest: u32) -> impl Strategy<Value = Resize> {
        prop_oneof![
            Just(Resize::ShortestThenCrop { shortest }),
            Just(Resize::Squash),
            Just(Resize::Letterbox { pad: [0; 3] }),
        ]
    }

    /// Returns a black frame with a white rectangle, whose last column and row are inclusive.
    fn painted(size: Size, area: PixelBox) -> Vec<u8> {
        let pixel = |i: usize| inside(&[area], i as u32 % size.width(), i as u32 / size.width());
        (0..size.area()).flat_map(|i| [if pixel(i) { 255 } else { 0 }; 3]).collect()
    }

    /// Returns the red channel of the model's picture as a mask.
    fn seen(settings: &PreprocessSettings, size: Size, pixels: &[u8]) -> (Mask, Geometry) {
        let frame = Frame::new(pixels, size.width(), size.height(), 0, 0).unwrap();
        let mut preprocessor = Preprocessor::new(settings, size).unwrap();
        let mut mask = Mask::new(settings.target().unwrap());
        let mut pixel_values = vec![0.0; 3 * mask.size().area()];
        preprocessor.apply(&frame, &mut pixel_values).unwrap();
        let area = mask.size().area();
        mask.probabilities_mut().copy_from_slice(&pixel_values[..area]);
        (mask, *preprocessor.geometry())
    }

    fn bounds(mask: &Mask) -> Option<PixelBox> {
        let width = mask.size().width();
        let set = mask.probabilities().iter().enumerate().filter(|(_, p)| **p > 0.5);
        set.map(|(i, _)| (i as u32 % width, i as u32 / width))
            .map(|(x, y)| PixelBox { left: x, top: y, right: x + 1, bottom: y + 1 })
            .reduce(PixelBox::around)
    }

    fn within_one_pixel(a: PixelBox, b: PixelBox) -> bool {
        let near = |a: u32, b: u32| a.abs_diff(b) <= 1;
        near(a.left, b.left) && near(a.top, b.top) && near(a.right, b.right) && near(a.bottom, b.bottom)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(128))]

        #[test]
        fn a_mask_has_the_geometry_of_its_frame(
            width in 60..160u32, height in 60..160u32, x in 0.3..0.5f64, y in 0.3..0.5f64, side in 0.1..0.2f64,
            encoder in resizes(56),
            segmenter in prop_oneof![Just(Resize::Squash), Just(Resize::Letterbox { pad: [0; 3] })],
        ) {
            let size = sized(width, height);
            let at = |fraction: f64, side: u32| (fraction * f64::from(side)).round() as u32;
            let area = PixelBox {
                left: at(x, width), top: at(y, height), right: at(x + side, width), bottom: at(y + side, height),
            };
            let pixels = painted(size, area);
            let (expected, encoder) = seen(&settings(48, 48, encoder), size, &pixels);
            let (mask, segmenter) = seen(&settings(96, 80, segmenter), size, &pixels);
            let mut crop = Mask::new(expected.size());
            MaskSampler::new(mask.size(), &segmenter, &encoder).unwrap().apply(&mask, &mut crop).unwrap();

            let (frame, mask) = (bounds(&expected).unwrap(), bounds(&crop).unwrap());
            prop_assert!(within_one_pixel(frame, mask), "frame {:?}, mask {:?}", frame, mask);
            let placed = encoder.place(area).unwrap();
            prop_assert!(within_one_pixel(frame, placed), "frame {:?}, box {:?}", frame, placed);
        }

        #[test]
        fn any_frame_can_be_preprocessed_with_any_settings(
            width in 16..300u32, height in 16..300u32, target in (1..40u32, 1..40u32), resize in resizes(40),
            bicubic in any::<bool>(), opencv in any::<bool>(), byte in any::<u8>(),
        ) {
            let settings = PreprocessSettings {
                interpolation: if bicubic { Interpolation::Bicubic } else { Interpolation::Bilinear },
                family: if opencv { ResizeLibrary::OpenCv } else { ResizeLibrary::Pillow },
                ..settings(target.0, target.1, resize)
            };
            let size = sized(width, height);
            let pixels = vec![byte; 3 * size.area()];
            let frame = Frame::new(&pixels, width, height, 0, 0).unwrap();
            let Ok(mut preprocessor) = Preprocessor::new(&settings, size) else {
                prop_assert!(matches!(resize, Resize::Letterbox { .. }), "only a letterbox may shrink to nothing");
                return Ok(());
            };
            preprocessor.apply(&frame, &mut vec![0.0; 3 * settings.target().unwrap().area()]).unwrap();
            prop_assert!(preprocessor.crop().iter().all(|value| *value == byte || *value == 0));
            let flat = !matches!(resize, Resize::Letterbox { .. });
            prop_assert!(!flat || preprocessor.crop().iter().all(|value| *value == byte));
        }
    }
}

mod scores {
    use super::*;

    fn finite() -> impl Strategy<Value = f32> {
        prop_oneof![
            4 => -30.0..30.0f32,
            1 => prop::num::f32::NORMAL | prop::num::f32::SUBNORMAL | prop::num::f32::ZERO,
            1 => prop::sample::select(vec![1e38, -1e38, f32::MAX, f32::MIN, 1e-45, -0.0]),
        ]
    }

    /// Generates embeddings of `length` coordinates that are not all 0.
    fn direction(length: usize) -> impl Strategy<Value = Vec<f32>> {
        vec(finite(), length).prop_filter("all zeros have no direction", |values| values.iter().any(|v| *v != 0.0))
    }

    proptest! {
        #[test]
        fn log_softmax_of_finite_logits_is_finite_and_sums_to_one(mut logits in vec(finite(), 1..40)) {
            log_softmax(&mut logits);
            prop_assert!(logits.iter().all(|log_p| log_p.is_finite()));
            let sum: f64 = logits.iter().map(|log_p| f64::from(*log_p).exp()).sum();
            prop_assert!((sum - 1.0).abs() < 1e-5, "{}", sum);
        }

        #[test]
        fn top_k_equals_a_stable_sort(log_probs in vec(-4..0i8, 0..40)) {
            let log_probs: Vec<f32> = log_probs.into_iter().map(f32::from).collect();
            let mut order: Vec<usize> = (0..log_probs.len()).collect();
            order.sort_by(|a, b| log_probs[*b].total_cmp(&log_probs[*a]));
            order.truncate(5);
            let top = top_k::<5>(&log_probs);
            prop_assert_eq!(top.iter().map(|ranked| ranked.class).collect::<Vec<_>>(), order);
            prop_assert!(top.iter().all(|ranked| ranked.log_p == log_probs[ranked.class]));
            prop_assert!(top_k::<0>(&log_probs).is_empty());
        }

        #[test]
        fn embeddings_have_norm_one(mut values in direction(7)) {
            let embedding = Embedding::new(&mut values).unwrap();
            let norm: f64 = embedding.values().iter().map(|value| f64::from(*value).powi(2)).sum();
            prop_assert!((norm - 1.0).abs() < 1e-5);
        }

        #[test]
        fn any_bank_scores_any_clip_without_nan(
            embeds in vec(direction(3), 8), mut clip in direction(3), logit_scale in -80.0..88.0f32,
        ) {
            let names = ["a", "b", "c", "d"].map(String::from).to_vec();
            let text_embeds = TextEmbeds { values: &embeds.concat(), templates: 2, dim: 3 };
            let bank = LabelBank::new(names, text_embeds, logit_scale, TemplateFusion::MeanSoftmax).unwrap();
            let mut log_probs = LogProbs::new(bank.names().len());
            bank.score(&Embedding::new(&mut clip).unwrap(), &mut log_probs).unwrap();
            prop_assert!(log_probs.values().iter().all(|log_p| log_p.is_finite()));
            let sum: f64 = log_probs.values().iter().map(|log_p| f64::from(*log_p).exp()).sum();
            prop_assert!((sum - 1.0).abs() < 1e-5, "{}", sum);
        }
    }
}

mod verdicts {
    use super::*;

    const CLASSES: usize = 6;
    const DIM: usize = 5;
    const SEEN: Visibility = Visibility {
        person_area: 0.2,
        background_area: 0.5,
        frames_with_person: 8,
        frames: 8,
        distinct_frames: 8,
        is_still: false,
    };

    fn finite() -> impl Strategy<Value = f32> {
        prop_oneof![3 => -20.0..20.0f32, 1 => prop::sample::select(vec![0.0, 1e38, -1e38, f32::MAX, f32::MIN, 1e-45])]
    }

    fn views(value: impl Strategy<Value = f32> + 'static) -> impl Strategy<Value = [Vec<f32>; 3]> {
        prop::array::uniform3(vec(value, CLASSES).boxed())
    }

    fn judged(gate: &mut Gate, [full, person, background]: &[Vec<f32>; 3]) -> Judgement {
        gate.judge(&Evidence::new([full, person, background], SEEN).unwrap())
    }

    fn temperatures() -> impl Strategy<Value = f32> {
        prop_oneof![0.05..20.0f32, prop::sample::select(vec![1e-45, 1e-30, 1e30, f32::MAX])]
    }

    /// Scores that every window has.
    fn kinds() -> impl Strategy<Value = ScoreKind> {
        let without_probe = |kind: &ScoreKind| *kind != ScoreKind::Probe;
        prop::sample::select(ScoreKind::ALL.into_iter().filter(without_probe).collect::<Vec<_>>())
    }

    fn weights() -> RiskWeights {
        RiskWeights::new(0.5, [0.3, 0.2, 0.1, 0.4, 1.0, 2.0])
    }

    fn gate(score: ScoreKind, tau: f32, hysteresis: f32) -> Gate {
        let risk = Some(RiskSettings { weights: Some(weights()), ..RiskSettings::new(score, tau) });
        Gate::new(GateSettings { threshold: tau, risk, hysteresis, ..GateSettings::default() }).unwrap()
    }

    fn flagged(judgement: &Judgement) -> bool {
        matches!(judgement.verdict, Verdict::Flag(_))
    }

    proptest! {
        #[test]
        fn no_finite_evidence_gives_nan(
            views in views(finite()), temperature in temperatures(), alpha in prop_oneof![0.0..2.0f32, Just(f32::MAX)],
            kind in kinds(),
        ) {
            let risk = Some(RiskSettings { weights: Some(weights()), ..RiskSettings::new(kind, 0.0) });
            let settings = GateSettings { risk, alpha, temperature, ..GateSettings::default() };
            let judgement = judged(&mut Gate::new(settings).unwrap(), &views);
            let is_finite = |kind: &ScoreKind| judgement.scores.get(*kind).is_none_or(f32::is_finite);
            prop_assert!(ScoreKind::ALL.iter().all(is_finite), "{:?}", judgement);
            prop_assert!(judgement.scores.risk.is_some_and(|risk| (0.0..=1.0).contains(&risk)), "{:?}", judgement);
            prop_assert!(judgement.p.iter().all(|p| (0.0..=1.0).contains(p)), "{:?}", judgement);
        }

        #[test]
        fn raising_tau_never_flags_more(
            stream in vec(views(-3.0..3.0f32), 1..12), kind in kinds(), tau in -2.0..2.0f32, raise in 0.0..2.0f32,
            hysteresis in 0.0..2.0f32,
        ) {
            let (mut low, mut high) = (gate(kind, tau, hysteresis), gate(kind, tau + raise, hysteresis));
            for window in &stream {
                let (low, high) = (judged(&mut low, window), judged(&mut high, window));
                prop_assert!(flagged(&low) || !flagged(&high));
            }
        }

        #[test]
        fn in_the_first_window_a_flag_means_that_a_test_fails(
            window in views(-3.0..3.0f32), kind in kinds(), tau in -2.0..2.0f32, hysteresis in 0.0..2.0f32,
        ) {
            let judgement = judged(&mut gate(kind, tau, hysteresis), &window);
            let abstained = matches!(judgement.verdict, Verdict::Abstain(AbstainReason::LowConfidence));
            let by_background = judgement.scores.dominance > tau && judgement.explained_by.is_background();
            let fails = by_background || judgement.scores.get(kind) > Some(tau);
            prop_assert_eq!(flagged(&judgement), !abstained && fails);
        }

        #[test]
        fn a_reason_is_never_given_that_the_numbers_do_not_show(
            stream in vec((views(-3.0..3.0f32), prop::option::of(0..=4u32)), 1..12), kind in kinds(),
            tau in -1.0..1.0f32, hysteresis in 0.0..1.0f32, notes in any::<bool>(),
        ) {
            let mut settings = gate(kind, tau, hysteresis).settings().clone();
            settings.probe = vec![ProbeThreshold { places: 4, threshold: tau / 2.0 }];
            settings.on_background = if notes { OnBackground::Note } else { OnBackground::Flag };
            let mut gate = Gate::new(settings).unwrap();
            for (window, kept) in &stream {
                let evidence = Evidence::new(window.each_ref().map(Vec::as_slice), SEEN).unwrap();
                let probe = kept.map(|kept| Probe::new(4, kept).unwrap());
                let judgement = gate.judge(&probe.map_or(evidence, |probe| evidence.with_probe(probe)));
                let first = |view: usize| top_k::<1>(&window[view])[0].class == judgement.label;
                let explained_by = judgement.explained_by;
                prop_assert_eq!([1, 2].map(first), [explained_by.is_person(), explained_by.is_background()]);
                let share = kept.map_or(judgement.p[1], |kept| kept as f32 / 4.0);
                prop_assert!((judgement.attribution.value - (judgement.p[2] - share)).abs() < 1e-6);
                let exceeds = judgement.attribution.value > judgement.attribution.threshold;
                let by_background = exceeds && first(2) && !notes;
                let risk = judgement.risk.unwrap();
                let shown = match judgement.verdict {
                    Verdict::Flag(FlagReason::BackgroundDominates) => by_background,
                    Verdict::Flag(FlagReason::PersonDisagrees) => risk.value > risk.threshold && !first(1),
                    Verdict::Flag(FlagReason::LikelyWrong) => risk.value > risk.threshold && first(1),
                    Verdict::Accept => !by_background && risk.value <= risk.threshold,
                    _ => judgement.p[0] < 0.1,
                };
                prop_assert!(shown, "{:?}", judgement);
            }
        }

        #[test]
        fn the_risk_falls_as_the_person_or_the_whole_says_the_label_more(
            window in views(-3.0..3.0f32), view in 0..2usize, more in 0.0..3.0f32,
        ) {
            let mut gate = gate(ScoreKind::Risk, 0.5, 0.0);
            let before = judged(&mut gate, &window);
            let mut clearer = window.clone();
            clearer[view][before.label] += more;
            let after = judged(&mut gate, &clearer);
            prop_assert_eq!(after.label, before.label);
            prop_assert!(after.scores.risk <= before.scores.risk.map(|risk| risk + 1e-6), "{:?} {:?}", before, after);
            let parts = after.risk_parts.unwrap();
            prop_assert_eq!(after.scores.risk, Some(parts.risk()));
        }

        #[test]
        fn a_window_is_doubted_exactly_if_a_test_fails_and_it_is_judged(
            window in views(-3.0..3.0f32), kind in kinds(), tau in -1.0..1.0f32,
        ) {
            let mut gate = gate(kind, tau, 0.0);
            let [full, person, background] = &window;
            let doubts = gate.doubts(&Evidence::new([full, person, background], SEEN).unwrap());
            let judgement = judged(&mut gate, &window);
            let fails = judgement.attribution.exceeds() || judgement.risk.is_some_and(|test| test.exceeds());
            prop_assert_eq!(doubts, fails && !matches!(judgement.verdict, Verdict::Abstain(_)));
        }

        #[test]
        fn the_verdict_does_not_depend_on_the_order_of_classes(
            embeds in vec(vec(-3..3i8, 2 * DIM), CLASSES), clips in prop::array::uniform3(vec(-3..3i8, DIM)),
            order in Just((0..CLASSES).collect::<Vec<_>>()).prop_shuffle(), kind in kinds(), average in any::<bool>(),
        ) {
            // Small integers and the repeated class make ties; 0.5 keeps every vector from being 0.
            let real = |values: &[i8]| values.iter().map(|value| f32::from(*value) + 0.5).collect::<Vec<f32>>();
            let mut embeds: Vec<Vec<f32>> = embeds.iter().map(|class| real(class)).collect();
            embeds[CLASSES - 1] = embeds[0].clone();
            let fusion = if average { TemplateFusion::MeanSoftmax } else { TemplateFusion::MeanEmbedding };

            let judge = |order: &[usize]| -> Option<(String, Judgement)> {
                let names = order.iter().map(|class| format!("class {class}")).collect();
                let values: Vec<f32> = order.iter().flat_map(|class| embeds[*class].clone()).collect();
                let text_embeds = TextEmbeds { values: &values, templates: 2, dim: DIM };
                // A bank whose templates cancel out is refused in any order.
                let bank = LabelBank::new(names, text_embeds, 2.0, fusion).ok()?;
                let views = clips.each_ref().map(|clip| {
                    let mut log_probs = LogProbs::new(bank.names().len());
                    bank.score(&Embedding::new(&mut real(clip)).unwrap(), &mut log_probs).unwrap();
                    log_probs.values().to_vec()
                });
                let judgement = judged(&mut gate(kind, 0.2, 0.1), &views);
                Some((bank.names()[judgement.label].clone(), judgement))
            };
            let given: Vec<usize> = (0..CLASSES).collect();
            prop_assert_eq!(judge(&given), judge(&order));
        }
    }
}
