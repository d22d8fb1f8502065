//! The address of a video, and its name without secrets.

use super::secrets::{encoded, forms, mask, secrets_in, sentence_without_secrets, without_secrets};
use crate::error::{Error, Result, Stage};
use std::ffi::OsString;
use std::path::Path;
use std::sync::Arc;
use tempfile::TempDir;

/// URL schemes of live streams.
const LIVE_SCHEMES: [&str; 8] = ["rtsp", "rtsps", "rtmp", "rtmps", "srt", "udp", "rtp", "tcp"];

/// The URL that ffmpeg opens, and the name shown to users.
#[derive(Clone, Debug)]
pub(super) struct Address {
    /// Name that the user gave, without its secrets.
    pub name: String,
    /// `file:` and a path, or a URL; never an option or another protocol.
    pub url: OsString,
    pub is_live: bool,
    /// Whether it is a file of this machine.
    pub is_file: bool,
    /// User, password, query and values from the environment, in every form that they may be printed in.
    secrets: Vec<String>,
    /// Folder with a link to a file whose name ffmpeg would read as more than a name.
    _link: Option<Arc<TempDir>>,
}

impl Address {
    /// Returns the address of a file, `file:PATH`, so that its name is never an option or a protocol. A name with a
    /// line break or `%` is opened through a link of a plain name: it would end lines of the log, or be a pattern.
    ///
    /// # Errors
    /// Returns an error if such a link cannot be made.
    pub fn of_path(name: String, path: &Path) -> Result<Self> {
        let is_plain = path.to_str().is_some_and(|text| !text.contains(|c: char| c == '%' || c.is_control()));
        let (link, target) = if is_plain { (None, path.to_owned()) } else { linked(&name, path)? };
        let mut url = OsString::from("file:");
        url.push(target);
        Ok(Self { name, url, is_live: false, is_file: true, secrets: Vec::new(), _link: link })
    }

    /// Returns the address of a URL, live by its scheme. Each `${NAME}` is replaced by that environment variable, which
    /// keeps secrets out of configuration files and logs, percent-encoded unless it stands for the host. ffmpeg
    /// receives it as an argument, which other users of the machine can see unless /proc is mounted with `hidepid=2`.
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
            let is_host = is_host(&url, after);
            url.push_str(&if is_host { value.clone() } else { encoded(&value) });
            secrets.extend(forms(&value));
            rest = after;
        }
        url.push_str(rest);
        secrets.extend(secrets_in(&url));
        let (name, is_live) = (without_secrets(spec), is_live_url(spec));
        Ok(Self { name, url: url.into(), is_live, is_file: false, secrets, _link: None })
    }

    /// Returns whether the address is one of RTSP.
    pub fn is_rtsp(&self) -> bool {
        let scheme = self.url.to_str().and_then(|url| url.split_once("://")).map_or("", |(scheme, _)| scheme);
        ["rtsp", "rtsps"].iter().any(|rtsp| rtsp.eq_ignore_ascii_case(scheme))
    }

    /// Returns a message of ffmpeg without the secrets of the address, and with the name of a linked file.
    pub fn redact(&self, message: &str) -> String {
        let message = self.url.to_str().map_or_else(|| message.to_owned(), |url| message.replace(url, &self.name));
        let message = if self.is_file { message } else { mask(&sentence_without_secrets(&message), &self.secrets) };
        message.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
    }
}

/// Makes a link of a plain name to `path` in a new folder.
fn linked(name: &str, path: &Path) -> Result<(Option<Arc<TempDir>>, std::path::PathBuf)> {
    let failed = |error: std::io::Error| {
        Error::caused(Stage::Source, format!("a link to {name:?}"), error, "rename the file, without % and line breaks")
    };
    let folder = tempfile::tempdir().map_err(failed)?;
    let ending = path.extension().and_then(|ending| ending.to_str());
    let ending = ending.filter(|ending| ending.chars().all(|c| c.is_ascii_alphanumeric())).unwrap_or("video");
    let link = folder.path().join(format!("clip.{ending}"));
    let target = std::path::absolute(path).map_err(failed)?;
    #[cfg(unix)]
    std::os::unix::fs::symlink(target, &link).map_err(failed)?;
    #[cfg(windows)]
    std::os::windows::fs::symlink_file(target, &link).map_err(failed)?;
    Ok((Some(Arc::new(folder)), link))
}

/// Returns whether what stands between `before` and `after` is a host or port, where nothing is encoded.
fn is_host(before: &str, after: &str) -> bool {
    let authority = before.split_once("://").map_or(before, |(_, rest)| rest);
    let is_in_authority = !authority.contains(['/', '?', '#']);
    let rest = &after[..after.find(['/', '?', '#']).unwrap_or(after.len())];
    is_in_authority && !rest.contains('@')
}

/// Returns whether `text` is `scheme://…`.
pub fn is_url(text: &str) -> bool {
    let Some((scheme, _)) = text.split_once("://") else {
        return false;
    };
    let is_scheme_char = |c: char| c.is_ascii_alphanumeric() || "+-.".contains(c);
    scheme.starts_with(|c: char| c.is_ascii_alphabetic()) && scheme.chars().all(is_scheme_char)
}

/// Returns whether `url` is one of a stream that has no end, whatever is sent there.
pub fn is_live_url(url: &str) -> bool {
    let scheme = url.split_once("://").map_or("", |(scheme, _)| scheme);
    LIVE_SCHEMES.iter().any(|live| live.eq_ignore_ascii_case(scheme))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_and_live_streams_are_recognised() {
        assert!(is_url("rtsp://host/a") && is_url("file:///a.mp4") && is_url("git+ssh://a"));
        assert!(!is_url("a.mp4") && !is_url("-x://a") && !is_url("dir/a://b") && !is_url("://a") && !is_url("file:a"));
        assert!(is_live_url("rtsp://host/a") && is_live_url("SRT://host"));
        assert!(!is_live_url("https://host/a.mp4") && !is_live_url("https://host/a.m3u8"));
    }

    #[test]
    fn a_file_name_is_never_an_option_a_pattern_or_a_line() {
        let url = |name: &str| Address::of_path(name.to_owned(), Path::new(name)).unwrap().url;
        assert_eq!(url("-y.mp4"), "file:-y.mp4");
        for name in ["t%03d.tif", "a\n[error] b.mp4"] {
            assert!(!url(name).to_str().unwrap().contains(['%', '\n']), "{name}");
        }
    }

    #[test]
    fn values_of_variables_are_opened_encoded_and_never_shown() {
        // A variable of every environment, because setting one is not thread-safe.
        let (path, encoded) = (std::env::var("PATH").unwrap(), encoded(&std::env::var("PATH").unwrap()));
        let address = Address::of_url("https://u:${PATH}@host/live.m3u8?token=${PATH}&x=1").unwrap();
        assert_eq!(address.url.to_str().unwrap(), format!("https://u:{encoded}@host/live.m3u8?token={encoded}&x=1"));
        assert_eq!(address.name, "https://u:${PATH}@host/live.m3u8?token=${PATH}&x=***");
        let message = format!("{}: no; https://host/1.ts?token={path}: no", address.url.to_str().unwrap());
        let shown = address.redact(&message);
        assert!(shown.starts_with(&address.name) && shown.ends_with("no"), "{shown}");
        assert!(!shown.contains(&path) && !shown.contains(&encoded), "{shown}");
        for spec in ["rtsp://${NO_SUCH_VARIABLE}@host", "rtsp://${PATH"] {
            assert!(Address::of_url(spec).unwrap_err().to_string().contains("environment variable"));
        }
    }

    #[test]
    fn only_a_host_is_put_in_as_it_is() {
        assert!(is_host("rtsp://", "/a") && is_host("rtsp://u:p@", ":554/a@b"));
        assert!(!is_host("rtsp://", ":p@host/a") && !is_host("rtsp://host/", "/b") && !is_host("rtsp://host?t=", ""));
    }
}
