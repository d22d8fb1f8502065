//! How many frames a second one core draws: `cargo run --release -p pantomime --example speed`.

use figureground::mask::Size;
use pantomime::{Action, Clip, Context, Picture, seed_of};
use std::time::{Duration, Instant};

fn main() -> Result<(), figureground::Error> {
    let size = Size::new(128, 128)?;
    let mut picture = Picture::new(size);
    let (mut staging, mut rendering, mut frames) = (Duration::ZERO, Duration::ZERO, 0);
    for index in 0..144 {
        let clip = Clip::action(Action::ALL[index % 36], Context::Free, 0.9, seed_of(1, index as u64));
        let start = Instant::now();
        let mut stage = clip.stage(size);
        let staged = Instant::now();
        (0..clip.frames()).for_each(|frame| stage.render(frame, &mut picture));
        staging += staged - start;
        rendering += staged.elapsed();
        frames += clip.frames();
    }
    println!("{:.0} frames/s", frames as f64 / (staging + rendering).as_secs_f64());
    println!("{:.2} ms a stage, {:.2} ms a frame", ms(staging) / 144.0, ms(rendering) / frames as f64);
    Ok(())
}

fn ms(duration: Duration) -> f64 {
    1e3 * duration.as_secs_f64()
}
