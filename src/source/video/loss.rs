//! Messages of ffmpeg that tell of lost pictures. All others are remarks: on sound, metadata, time stamps.

/// Messages that end in the number of the stream whose picture is lost.
const OF_A_STREAM: [&str; 5] = [
    "corrupt decoded frame in stream ",
    "corrupt input packet in stream ",
    "Packet corrupt (stream = ",
    "Dropped corrupted packet (stream = ",
    "Error while decoding stream #0:",
];

/// Messages of a decoder, whose context names the stream.
const OF_A_DECODER: [&str; 3] = ["corrupt decoded frame", "Error submitting packet to decoder", "corrupt input packet"];

/// Messages of a container that ends early or cannot be read further.
const OF_A_CONTAINER: [&str; 2] = ["File ended prematurely", "Error during demuxing"];

/// Returns whether a message says that pictures of `stream` are lost. `url` is the address as ffmpeg prints it.
pub(super) fn is_loss(context: &str, text: &str, url: &str, stream: usize) -> bool {
    let number_after = |phrase: &str| text.split_once(phrase).and_then(|(_, rest)| number(rest));
    if let Some(found) = OF_A_STREAM.iter().find_map(|phrase| number_after(phrase)) {
        return found == stream;
    }
    if let Some(partial) = text.strip_prefix("stream ").filter(|rest| rest.ends_with("partial file")) {
        return number(partial) == Some(stream);
    }
    if let Some(decoder) = context.strip_prefix("vist#0:") {
        return number(decoder) == Some(stream) && OF_A_DECODER.iter().any(|phrase| text.starts_with(phrase));
    }
    let cannot_read = context.is_empty() && text.strip_prefix(url).is_some_and(|rest| rest.starts_with(": "));
    cannot_read || OF_A_CONTAINER.iter().any(|phrase| text.starts_with(phrase))
}

/// Returns whether a loss was noticed when a picture was decoded, and not when the container was read.
pub(super) fn is_of_decoder(text: &str) -> bool {
    ["corrupt decoded frame", "Error while decoding", "Error submitting packet"].iter().any(|part| text.contains(part))
}

/// Returns the number that `text` begins with.
fn number(text: &str) -> Option<usize> {
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    text[..digits].parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lost_pictures_of_the_stream_are_a_loss_in_the_words_of_each_version() {
        for (context, text) in [
            ("", "file:a.mp4: corrupt decoded frame in stream 1"),
            ("", "Error while decoding stream #0:1: Invalid data found when processing input"),
            ("vist#0:1/h264 @ 0x1", "corrupt decoded frame"),
            ("vist#0:1/h264 @ 0x1", "Error submitting packet to decoder: Invalid data found"),
            ("mov,mp4,m4a,3gp,3g2,mj2 @ 0x1", "stream 1, offset 0x1f21: partial file"),
            ("mpegts @ 0x1", "Packet corrupt (stream = 1, dts = 10752), dropping it."),
            ("avi @ 0x1", "Dropped corrupted packet (stream = 1)"),
            ("matroska,webm @ 0x1", "File ended prematurely at pos. 3 (0x3)"),
            ("in#0/mpegts @ 0x1", "Error during demuxing: Input/output error"),
            ("", "file:a.mp4: Input/output error"),
        ] {
            assert!(is_loss(context, text, "file:a.mp4", 1), "{text}");
        }
    }

    #[test]
    fn what_concerns_no_picture_of_the_stream_is_no_loss() {
        for (context, text) in [
            ("mp3float @ 0x1", "Header missing"),
            ("mjpeg @ 0x1", "mjpeg: invalid TIFF header in EXIF data"),
            (
                "null @ 0x1",
                "Application provided invalid, non monotonically increasing dts to muxer in stream 1: 24 >= 24",
            ),
            ("aist#0:0/mp3 @ 0x1", "Error submitting packet to decoder: Invalid data found"),
            ("", "Error while decoding stream #0:0: Invalid data found when processing input"),
            ("", "Error while decoding stream #0:12: Invalid data found when processing input"),
            ("mov,mp4,m4a,3gp,3g2,mj2 @ 0x1", "stream 0, offset 0x1f21: partial file"),
            ("", "file:a.mp4.txt: no matter"),
        ] {
            assert!(!is_loss(context, text, "file:a.mp4", 1), "{text}");
        }
    }
}
