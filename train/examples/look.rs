//! What a batch looks like.
use figureground_train::{casting::{self, Purpose}, footage::Masks, lessons::{ClassLessons, Lessons, Variation}, pair::Sizes, recipe};
use pantomime::{Context, Part};
fn main() {
    let sizes = Sizes::MINIATURE;
    let pre = recipe::preprocess(&sizes).unwrap();
    let (takes, labels) = casting::acting(Some(Part::Base), Context::Out, 1, Purpose::Testing, 3);
    let footage = recipe::studio(&pre, 8).unwrap().film(&takes, &indicatif::ProgressBar::hidden()).unwrap();
    for f in &footage { println!("{} area {:.3} boxes {}", f.label, f.whereabouts(0, Masks::Exact).person().area(), f.whereabouts(0, Masks::Exact).regions().person_boxes.len()); }
    let prompts = vec![vec![0i64; 32]; 18];
    let lessons = ClassLessons { footage: &footage, labels: &labels, prompts: &prompts, sizes, batch: 18, variation: Variation::masked("1:2".parse().unwrap()), seed: 1 };
    let b = lessons.batch(0, 0).unwrap();
    // un-patch
    let (side, p, g) = (96usize, 16usize, 6usize);
    let frame = 36 * 768;
    let (cols, rows) = (8, 18);
    let mut rgb = vec![0u8; cols * rows * side * side * 3];
    for (k, pic) in b.patches.chunks_exact(frame).enumerate() {
        for (i, patch) in pic.chunks_exact(768).enumerate() { for c in 0..3 { for y in 0..p { for x in 0..p {
            let v = patch[c * 256 + y * 16 + x];
            let byte = ((v * [0.229, 0.224, 0.225][c] + [0.485, 0.456, 0.406][c]) * 255.0).clamp(0.0, 255.0) as u8;
            let (px, py) = ((k % cols) * side + (i % g) * p + x, (k / cols) * side + (i / g) * p + y);
            rgb[(py * cols * side + px) * 3 + c] = byte;
        }}}}
    }
    std::fs::write("/tmp/look3/batch.ppm", [format!("P6\n{} {}\n255\n", cols * side, rows * side).into_bytes(), rgb].concat()).unwrap();
}
