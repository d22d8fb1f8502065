//! The address of a video, and its name without secrets.

use crate::error::{Error, Result, Stage};
use std::ffi::OsString;
use std::path::Path;

/// URL schemes of live streams.
const LIVE_SCHEMES: [&str; 8] = ["rtsp", "rtsps", "rtmp", "rtmps", "srt", "udp", "rtp", "tcp"];

/// The value of an environment variable in a URL.
#[derive(Clone, Debug)]
struct Variable {
    value: String,
    /// `${NAME}`.
    reference: String,
}

/// The URL that ffmpeg opens, and the name shown to users.
#[derive(Clone, Debug)]
pub(super) struct Address {
    /// Name that the user gave, without its password.
    pub name: String,
    /// `file:` and a path, or a URL; never an option or another protocol.
    pub url: OsString,
    pub is_live: bool,
    /// Values from the environment.
    secrets: Vec<Variable>,
}

impl Address {
    /// Returns the address of a file, `file:PATH`, so that its name is never an option or a protocol.
    pub fn of_path(name: String, path: &Path) -> Self {
        let mut url = OsString::from("file:");
        url.push(path);
        Self { name, url, is_live: false, secrets: Vec::new() }
    }

    /// Returns the address of a URL, live by its scheme. Each `${NAME}` is replaced by that environment variable, which
    /// keeps secrets out of configuration files and logs. ffmpeg receives it as an argument, which other users of the
    /// machine can see unless /proc is mounted with `hidepid=2`.
    ///
    /// # Errors
    /// Returns an error if a variable is not set.
    pub fn of_url(spec: &str) -> Result<Self> {
        let (mut url, mut secrets) = (String::new(), Vec::new());
        let mut rest = spec;
        while let Some((before, after)) = rest.split_once("${") {
            let refused = |got: &str| {
                let next = "set it, for example in the EnvironmentFile of systemd";
                Error::new(Stage::Source, "an environment variable for each ${NAME} in a URL", got, next)
            };
            let (name, after) = after.split_once('}').ok_or_else(|| refused("`${` without `}`"))?;
            let value = std::env::var(name).map_err(|_| refused(&format!("no variable {name}")))?;
            url.push_str(before);
            url.push_str(&value);
            secrets.push(Variable { value, reference: format!("${{{name}}}") });
            rest = after;
        }
        url.push_str(rest);
        Ok(Self { name: without_password(spec), is_live: is_live_url(spec), url: url.into(), secrets })
    }

    /// Returns a message of ffmpeg without the secrets of the address.
    pub fn redact(&self, message: &str) -> String {
        let message = self.url.to_str().map_or_else(|| message.to_owned(), |url| message.replace(url, &self.name));
        let secrets = self.secrets.iter().filter(|variable| !variable.value.is_empty());
        secrets.fold(message, |message, variable| message.replace(&variable.value, &variable.reference))
    }
}

/// Returns whether `text` is `scheme://…`.
pub fn is_url(text: &str) -> bool {
    let Some((scheme, _)) = text.split_once("://") else {
        return false;
    };
    let is_scheme_char = |c: char| c.is_ascii_alphanumeric() || "+-.".contains(c);
    scheme.starts_with(|c: char| c.is_ascii_alphabetic()) && scheme.chars().all(is_scheme_char)
}

/// Returns `url` with `***` instead of its password, unless that is a `${NAME}`.
pub fn without_password(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else { return url.to_owned() };
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    // An unescaped password may hold any character; the host follows the last @.
    let Some(at) = rest[..end].rfind('@').or_else(|| rest.rfind('@')) else { return url.to_owned() };
    match rest[..at].split_once(':') {
        Some((user, password)) if !is_variable(password) => format!("{scheme}://{user}:***{}", &rest[at..]),
        _ => url.to_owned(),
    }
}

/// Returns whether `text` is exactly `${NAME}`.
fn is_variable(text: &str) -> bool {
    let name = text.strip_prefix("${").and_then(|text| text.strip_suffix('}'));
    name.is_some_and(|name| !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_'))
}

/// Returns whether `url` is one of a stream that has no end.
pub fn is_live_url(url: &str) -> bool {
    let (scheme, rest) = url.split_once("://").unwrap_or_default();
    let path = rest.split(['?', '#']).next().unwrap_or_default();
    LIVE_SCHEMES.iter().any(|live| live.eq_ignore_ascii_case(scheme)) || path.ends_with(".m3u8")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_and_live_streams_are_recognised() {
        assert!(is_url("rtsp://host/a") && is_url("file:///a.mp4") && is_url("git+ssh://a"));
        assert!(!is_url("a.mp4") && !is_url("-x://a") && !is_url("dir/a://b") && !is_url("://a") && !is_url("file:a"));
        assert!(is_live_url("rtsp://host/a") && is_live_url("SRT://host") && is_live_url("https://host/a.m3u8?t=1"));
        assert!(!is_live_url("https://host/a.mp4") && !is_live_url("https://host/a.mp4?list=.m3u8"));
    }

    #[test]
    fn a_file_name_is_never_an_option() {
        assert_eq!(Address::of_path("-y.mp4".to_owned(), Path::new("-y.mp4")).url, "file:-y.mp4");
    }

    #[test]
    fn values_of_variables_are_opened_and_never_shown() {
        // A variable of every environment, because setting one is not thread-safe.
        let path = std::env::var("PATH").unwrap();
        let address = Address::of_url("https://u:${PATH}@host/live.m3u8?token=${PATH}&x=1").unwrap();
        assert_eq!(address.url.to_str().unwrap(), format!("https://u:{path}@host/live.m3u8?token={path}&x=1"));
        assert_eq!(address.name, "https://u:${PATH}@host/live.m3u8?token=${PATH}&x=1");
        assert!(address.is_live);
        let message = format!("{}: no; https://host/1.ts?token={path}: no", address.url.to_str().unwrap());
        assert_eq!(address.redact(&message), format!("{}: no; https://host/1.ts?token=${{PATH}}: no", address.name));
        for spec in ["rtsp://${NO_SUCH_VARIABLE}@host", "rtsp://${PATH"] {
            assert!(Address::of_url(spec).unwrap_err().to_string().contains("environment variable"));
        }
    }
}
