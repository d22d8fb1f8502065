//! Y4M: frames until the end or an error.

#![no_main]

use libfuzzer_sys::fuzz_target;
use std::io::Cursor;

fuzz_target!(|bytes: &[u8]| {
    let mut source = figureground::source::y4m("fuzz", Box::new(Cursor::new(bytes.to_vec())));
    while let Ok(Some(frame)) = source.next_frame() {
        assert_eq!(frame.pixels().len(), 3 * frame.width() as usize * frame.height() as usize);
    }
});
