//! The two text formats of metrics: OpenMetrics, and the older one that `promtool` and many agents read.

use core::fmt::Write;

/// A text format of metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum MetricsFormat {
    /// OpenMetrics 1.0.0.
    OpenMetrics,
    /// Prometheus' text format 0.0.4.
    Text,
}

impl MetricsFormat {
    /// Returns the format for a request with this `Accept` header: OpenMetrics if it is asked for by name and nothing
    /// is preferred to it.
    pub(super) fn accepted(accept: &str) -> Self {
        let quality = |name: &str| {
            let ranges = accept.split(',').filter_map(|range| {
                let mut parts = range.split(';').map(str::trim);
                let is_named = parts.next()?.eq_ignore_ascii_case(name);
                let quality = parts.find_map(|part| part.strip_prefix("q=").or_else(|| part.strip_prefix("Q=")));
                is_named.then(|| quality.map_or(1.0, |quality| quality.trim().parse().unwrap_or(0.0)))
            });
            ranges.fold(0.0, f32::max)
        };
        let openmetrics = quality("application/openmetrics-text");
        if openmetrics > 0.0 && openmetrics >= quality("text/plain") { Self::OpenMetrics } else { Self::Text }
    }

    /// Returns the media type of the format.
    pub(super) fn media_type(self) -> &'static str {
        match self {
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
            Self::Text => "text/plain; version=0.0.4; charset=utf-8",
        }
    }

    /// Returns metrics in this format; `text` has them in that of OpenMetrics.
    pub(super) fn of_openmetrics(self, text: String) -> String {
        match self {
            Self::OpenMetrics => text,
            Self::Text => to_text(&text),
        }
    }
}

/// Converts OpenMetrics to the older format, which names a counter as its samples, and knows neither units, nor types
/// of infos, nor an end.
fn to_text(openmetrics: &str) -> String {
    let mut text = String::with_capacity(openmetrics.len());
    let mut help = None;
    for line in openmetrics.lines() {
        if let Some(rest) = line.strip_prefix("# HELP ") {
            // The name depends on the type, which follows.
            help = rest.split_once(' ');
            continue;
        }
        let written = match line.strip_prefix("# TYPE ").and_then(|rest| rest.split_once(' ')) {
            Some((name, kind)) => {
                let (suffix, kind) = match kind {
                    "counter" => ("_total", kind),
                    "info" => ("_info", "gauge"),
                    "stateset" => ("", "gauge"),
                    "unknown" => ("", "untyped"),
                    kind => ("", kind),
                };
                let help = help.take().filter(|(of, _)| *of == name).map_or("", |(_, help)| help);
                writeln!(text, "# HELP {name}{suffix} {help}\n# TYPE {name}{suffix} {kind}")
            }
            None if line.starts_with('#') => Ok(()),
            None => writeln!(text, "{line}"),
        };
        // Writing to a string cannot fail.
        let _ = written;
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn openmetrics_is_for_those_who_ask_for_it() {
        let prometheus = "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,\
                          text/plain;version=0.0.4;q=0.5,*/*;q=0.1";
        for (accept, format) in [
            (prometheus, MetricsFormat::OpenMetrics),
            ("application/openmetrics-text", MetricsFormat::OpenMetrics),
            ("", MetricsFormat::Text),
            ("*/*", MetricsFormat::Text),
            ("text/html,application/xhtml+xml,*/*;q=0.8", MetricsFormat::Text),
            ("text/plain; version=0.0.4", MetricsFormat::Text),
            ("text/plain, application/openmetrics-text; q=0.5", MetricsFormat::Text),
            ("application/openmetrics-text; q=0", MetricsFormat::Text),
        ] {
            assert_eq!(MetricsFormat::accepted(accept), format, "{accept}");
        }
    }

    #[test]
    fn the_older_format_names_counters_as_their_samples() {
        let openmetrics = "# HELP a_build Version.\n# TYPE a_build info\na_build_info{version=\"1\"} 1\n\
            # HELP a_stage_seconds Time.\n# TYPE a_stage_seconds counter\n# UNIT a_stage_seconds seconds\n\
            a_stage_seconds_total{stage=\"x\"} 0.5\n# HELP a_lag Lag.\n# TYPE a_lag gauge\na_lag 3\n# EOF\n";
        let text = "# HELP a_build_info Version.\n# TYPE a_build_info gauge\na_build_info{version=\"1\"} 1\n\
            # HELP a_stage_seconds_total Time.\n# TYPE a_stage_seconds_total counter\n\
            a_stage_seconds_total{stage=\"x\"} 0.5\n# HELP a_lag Lag.\n# TYPE a_lag gauge\na_lag 3\n";
        assert_eq!(MetricsFormat::Text.of_openmetrics(openmetrics.to_owned()), text);
        assert_eq!(MetricsFormat::OpenMetrics.of_openmetrics(openmetrics.to_owned()), openmetrics);
    }
}
