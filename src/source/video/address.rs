//! Where a video is: as ffmpeg opens it, and as it may be shown.

use crate::error::{Error, Result, Stage};
use std::ffi::OsString;
use std::path::Path;

/// Schemes of streams that go on until stopped.
const LIVE_SCHEMES: [&str; 8] = ["rtsp", "rtsps", "rtmp", "rtmps", "srt", "udp", "rtp", "tcp"];

/// What ffmpeg opens, and what is said of it.
#[derive(Clone, Debug)]
pub(super) struct Address {
    /// What the user called it, without its password.
    pub name: String,
    /// `file:` and a path, or a URL: never an option, never another protocol.
    pub url: OsString,
    pub is_live: bool,
    /// What came from the environment, with what it was asked for by.
    secrets: Vec<(String, String)>,
}

impl Address {
    /// A video file. ffmpeg sees it as `file:PATH`, so that no name is taken for an option or a protocol.
    pub fn of_path(name: String, path: &Path) -> Self {
        let mut url = OsString::from("file:");
        url.push(path);
        Self { name, url, is_live: false, secrets: Vec::new() }
    }

    /// A URL, live by its scheme; each `${NAME}` in it is taken from the environment, so that a secret need not stand in a
    /// configuration, and is shown as it stands. ffmpeg gets it as an argument, which other users of this machine can see unless
    /// /proc is mounted with `hidepid=2`.
    ///
    /// # Errors
    /// When a variable is not there.
    pub fn of_url(spec: &str) -> Result<Self> {
        let (mut url, mut secrets) = (String::new(), Vec::new());
        let mut rest = spec;
        while let Some((before, after)) = rest.split_once("${") {
            let refused = |got: &str| {
                let next = "set it, or have systemd read it from a file";
                Error::new(Stage::Source, "an environment variable for each ${NAME} in a URL", got, next)
            };
            let (name, behind) = after.split_once('}').ok_or_else(|| refused("a ${ without }"))?;
            let value = std::env::var(name).map_err(|_| refused(&format!("no {name}")))?;
            url.push_str(before);
            url.push_str(&value);
            secrets.push((value, format!("${{{name}}}")));
            rest = behind;
        }
        url.push_str(rest);
        Ok(Self { name: without_password(spec), is_live: is_live_url(spec), url: url.into(), secrets })
    }

    /// What ffmpeg said, without the address itself or what is secret in it.
    pub fn redacted(&self, words: &str) -> String {
        let words = self.url.to_str().map_or_else(|| words.to_owned(), |url| words.replace(url, &self.name));
        let secrets = self.secrets.iter().filter(|(value, _)| !value.is_empty());
        secrets.fold(words, |words, (value, name)| words.replace(value, name))
    }
}

/// Whether `text` is `scheme://…`.
pub fn is_url(text: &str) -> bool {
    let Some((scheme, _)) = text.split_once("://") else {
        return false;
    };
    let is_scheme_char = |c: char| c.is_ascii_alphanumeric() || "+-.".contains(c);
    scheme.starts_with(|c: char| c.is_ascii_alphabetic()) && scheme.chars().all(is_scheme_char)
}

/// `url` as it may be shown: `***` stands for the password before its host, unless that is a `${NAME}`.
pub fn without_password(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else { return url.to_owned() };
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    // A password that was not escaped may hold any sign; the host comes behind the last @.
    let Some(at) = rest[..end].rfind('@').or_else(|| rest.rfind('@')) else { return url.to_owned() };
    match rest[..at].split_once(':') {
        Some((user, password)) if !is_variable(password) => format!("{scheme}://{user}:***{}", &rest[at..]),
        _ => url.to_owned(),
    }
}

/// Whether `text` is `${NAME}` and no more.
fn is_variable(text: &str) -> bool {
    let name = text.strip_prefix("${").and_then(|text| text.strip_suffix('}'));
    name.is_some_and(|name| !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_'))
}

fn is_live_url(url: &str) -> bool {
    let (scheme, rest) = url.split_once("://").unwrap_or_default();
    let path = rest.split(['?', '#']).next().unwrap_or_default();
    LIVE_SCHEMES.iter().any(|live| live.eq_ignore_ascii_case(scheme)) || path.ends_with(".m3u8")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_told_from_paths_and_streams_from_files() {
        assert!(is_url("rtsp://host/a") && is_url("file:///a.mp4") && is_url("git+ssh://a"));
        assert!(!is_url("a.mp4") && !is_url("-x://a") && !is_url("dir/a://b") && !is_url("://a") && !is_url("file:a"));
        assert!(is_live_url("rtsp://host/a") && is_live_url("SRT://host") && is_live_url("https://host/a.m3u8?t=1"));
        assert!(!is_live_url("https://host/a.mp4") && !is_live_url("https://host/a.mp4?list=.m3u8"));
    }

    #[test]
    fn what_comes_from_the_environment_is_opened_and_never_shown() {
        // A variable that every test has, because setting one is not safe beside other threads.
        let path = std::env::var("PATH").unwrap();
        let address = Address::of_url("https://u:${PATH}@host/live.m3u8?token=${PATH}&x=1").unwrap();
        assert_eq!(address.url.to_str().unwrap(), format!("https://u:{path}@host/live.m3u8?token={path}&x=1"));
        assert_eq!(address.name, "https://u:${PATH}@host/live.m3u8?token=${PATH}&x=1");
        assert!(address.is_live);
        let said = format!("{}: no; https://host/1.ts?token={path}: no", address.url.to_str().unwrap());
        assert_eq!(address.redacted(&said), format!("{}: no; https://host/1.ts?token=${{PATH}}: no", address.name));
        for spec in ["rtsp://${NO_SUCH_VARIABLE}@host", "rtsp://${PATH"] {
            assert!(Address::of_url(spec).unwrap_err().to_string().contains("environment variable"));
        }
    }
}
