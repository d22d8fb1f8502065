//! Measures how many frames per second one core draws: `cargo run --release -p pantomime --example speed`.

use figureground::mask::Size;
use pantomime::{Action, Clip, Context, Picture, seed_of};
use std::time::{Duration, Instant};

fn main() -> Result<(), figureground::Error> {
    let size = Size::new(128, 128)?;
    let mut picture = Picture::new(size);
    let (mut preparing, mut rendering, mut frames) = (Duration::ZERO, Duration::ZERO, 0);
    for index in 0..144 {
        let clip = Clip::action(Action::ALL[index % 36], Context::Free, 0.9, seed_of(1, index as u64));
        let start = Instant::now();
        let mut renderer = clip.renderer(size);
        let prepared = Instant::now();
        (0..clip.frames()).for_each(|frame| renderer.render(frame, &mut picture));
        preparing += prepared - start;
        rendering += prepared.elapsed();
        frames += clip.frames();
    }
    println!("{:.0} frames/s", frames as f64 / (preparing + rendering).as_secs_f64());
    println!("{:.2} ms to prepare a clip, {:.2} ms per frame", ms(preparing) / 144.0, ms(rendering) / frames as f64);
    Ok(())
}

fn ms(duration: Duration) -> f64 {
    1e3 * duration.as_secs_f64()
}
