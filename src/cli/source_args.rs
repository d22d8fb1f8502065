//! Flags of how sources are opened.

use super::choices::{Choice, parser};
use clap::Args;
use figureground::source::{Liveness, RtspTransport, SourceOptions};
use std::time::Duration;

const RTSP_TRANSPORTS: [Choice<RtspTransport>; 2] = [
    Choice { value: RtspTransport::Tcp, name: "tcp", help: "In one connection; by UDP where the server refuses it" },
    Choice { value: RtspTransport::Udp, name: "udp", help: "In packets of their own, with less delay" },
];

/// Flags of URLs and videos.
#[derive(Clone, Debug, Args)]
pub struct SourceArgs {
    /// Treat a URL as a stream without an end [default: what is sent tells].
    #[arg(long, conflicts_with = "recorded")]
    live: bool,
    /// Treat a URL as a clip with an end [default: what is sent tells].
    #[arg(long)]
    recorded: bool,
    /// Seconds to wait for a camera or stream that is absent at the start; 0 refuses it [default: without end].
    #[arg(long, value_name = "SECONDS", value_parser = not_negative)]
    wait: Option<f64>,
    /// How the pictures of an RTSP stream travel [default: tcp].
    #[arg(long, value_parser = parser(RTSP_TRANSPORTS))]
    rtsp_transport: Option<RtspTransport>,
    /// Keep the pixels of a video as they are stored, even if players stretch them because they are not square.
    #[arg(long)]
    no_stretch: bool,
}

impl SourceArgs {
    /// Sets what the flags say in `options`.
    pub fn options(&self, options: SourceOptions) -> SourceOptions {
        let liveness = match (self.live, self.recorded) {
            (true, _) => Some(Liveness::Live),
            (_, true) => Some(Liveness::Recorded),
            _ => options.liveness,
        };
        let rtsp_transport = self.rtsp_transport.unwrap_or(options.rtsp_transport);
        SourceOptions { liveness, rtsp_transport, stretch: !self.no_stretch, ..options }
    }

    /// Returns how long a live source is waited for.
    pub fn wait(&self) -> Duration {
        self.wait.map_or(Duration::MAX, |seconds| Duration::from_secs_f64(seconds.min(1e9)))
    }
}

fn not_negative(text: &str) -> Result<f64, String> {
    let value = text.parse::<f64>().ok().filter(|value| value.is_finite() && *value >= 0.0);
    value.ok_or_else(|| "expected a number of seconds from 0".to_owned())
}
