//! What ffmpeg says about an input before it decodes it: version, container, duration and streams.

/// An input, as ffmpeg describes it on its log.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Input {
    /// Version of ffmpeg, such as `5.1.9-0+deb12u1`.
    pub version: Option<String>,
    /// Names of the demuxer, such as `mov,mp4,m4a,3gp,3g2,mj2`.
    pub container: Option<String>,
    /// Whether the container has an end: its duration is known.
    pub is_finite: Option<bool>,
    pub streams: Vec<Stream>,
}

/// One stream of an input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Stream {
    /// Index among all streams of the input.
    pub index: usize,
    /// `Video`, `Audio`, …
    pub kind: String,
    pub is_default: bool,
    /// A picture of the whole file, such as cover art or thumbnails, and no video.
    pub is_attached: bool,
    /// How brightness is stored, if it is of a high dynamic range.
    pub transfer: Option<Transfer>,
}

/// How video of a high dynamic range stores brightness.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Transfer {
    /// SMPTE ST 2084.
    Pq,
    /// ARIB STD-B67.
    Hlg,
}

impl Input {
    /// Adds what a line of the log says about the input, without its context and level.
    pub fn add(&mut self, text: &str) {
        let text = text.trim_start();
        if let Some(rest) = text.strip_prefix("ffmpeg version ") {
            self.version = rest.split_whitespace().next().map(str::to_owned);
        } else if let Some(rest) = text.strip_prefix("Input #0, ") {
            self.container = rest.split_once(", from ").map(|(container, _)| container.to_owned());
        } else if let Some(rest) = text.strip_prefix("Duration: ") {
            self.is_finite = Some(!rest.starts_with("N/A"));
        } else if let Some(stream) = Stream::parse(text) {
            self.streams.push(stream);
        }
    }

    /// Returns the video that players show: the first one that is marked as default, else the first one.
    pub fn video(&self) -> Option<&Stream> {
        self.videos().find(|stream| stream.is_default).or_else(|| self.first_video())
    }

    /// Returns the first video.
    pub fn first_video(&self) -> Option<&Stream> {
        self.videos().next()
    }

    fn videos(&self) -> impl Iterator<Item = &Stream> {
        self.streams.iter().filter(|stream| stream.kind == "Video" && !stream.is_attached)
    }

    /// Returns whether what is sent has no end: no duration is known, and it is no still picture.
    pub fn is_endless(&self) -> bool {
        let container = self.container.as_deref().unwrap_or_default();
        let is_still = container.ends_with("_pipe") || ["image2", "gif", "apng"].contains(&container);
        self.is_finite == Some(false) && !is_still
    }

    /// Returns whether the version of ffmpeg is known to be older than `least`, major and minor number.
    pub fn is_older_than(&self, least: (u32, u32)) -> bool {
        self.version.as_deref().and_then(numbers).is_some_and(|version| version < least)
    }
}

impl Stream {
    /// Parses `Stream #0:1[0x2](und): Video: h264 …, yuv420p(tv, bt709), … (default)`.
    fn parse(text: &str) -> Option<Self> {
        let rest = text.strip_prefix("Stream #0:")?;
        let digits = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
        let index = rest[..digits].parse().ok()?;
        let (_, description) = rest.split_once(": ")?;
        let (kind, details) = description.split_once(": ")?;
        let transfer = if details.contains("smpte2084") {
            Some(Transfer::Pq)
        } else {
            details.contains("arib-std-b67").then_some(Transfer::Hlg)
        };
        Some(Self {
            index,
            kind: kind.to_owned(),
            is_default: details.contains("(default)"),
            is_attached: details.contains("(attached pic)") || details.contains("(timed thumbnails)"),
            transfer,
        })
    }
}

/// Returns major and minor number of a version such as `n6.1-2` or `4.2.2-static`; none of a development version.
fn numbers(version: &str) -> Option<(u32, u32)> {
    let version = version.trim_start_matches('n');
    let mut parts = version.split(|c: char| !c.is_ascii_digit());
    let major = parts.next()?.parse().ok()?;
    Some((major, parts.next().and_then(|minor| minor.parse().ok()).unwrap_or(0)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn described(lines: &[&str]) -> Input {
        let mut input = Input::default();
        lines.iter().for_each(|line| input.add(line));
        input
    }

    #[test]
    fn the_default_video_is_shown_and_pictures_of_the_file_are_none() {
        let cover = "  Stream #0:0[0x0]: Video: mjpeg (Baseline), yuvj420p(pc), 340x256, 90k tbn (attached pic)";
        let sound = "  Stream #0:1[0x1](und): Audio: aac (LC), 44100 Hz, mono (default)";
        let first = "    Stream #0:2: Video: h264 (High), yuv420p(progressive), 340x256, 25 fps, 25 tbr, 1k tbn";
        let second = "  Stream #0:3(eng): Video: vp9, yuv420p10le(tv, bt2020nc/bt2020/smpte2084), 64x64 (default)";
        let index = |lines: &[&str]| described(lines).video().map(|stream| stream.index);
        assert_eq!(index(&[cover, sound]), None);
        assert_eq!(index(&[cover, sound, first]), Some(2));
        assert_eq!(index(&[cover, sound, first, second]), Some(3));
        assert_eq!(described(&[second]).streams[0].transfer, Some(Transfer::Pq));
        assert_eq!(described(&[first]).streams[0].transfer, None);
    }

    #[test]
    fn an_input_without_a_duration_has_no_end() {
        assert_eq!(described(&["  Duration: N/A, bitrate: N/A"]).is_finite, Some(false));
        assert_eq!(described(&["  Duration: 00:00:02.04, start: 0.000000"]).is_finite, Some(true));
        assert_eq!(described(&["Input #0, mpjpeg, from 'http://a':"]).container.as_deref(), Some("mpjpeg"));
    }

    #[test]
    fn old_versions_are_told_from_new_ones() {
        for (version, is_old) in
            [("4.1.9", true), ("3.4", true), ("4.2.2-static", false), ("n4.1", true), ("5.1.9-0+deb12u1", false)]
        {
            assert_eq!(described(&[&format!("ffmpeg version {version} C")]).is_older_than((4, 2)), is_old, "{version}");
        }
        assert!(!described(&["ffmpeg version N-12345-gabcdef Copyright"]).is_older_than((4, 2)));
    }
}
