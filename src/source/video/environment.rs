//! The environment of ffmpeg, which parses what strangers send: it holds no secrets of this program.

use std::process::Command;

/// Variables that programs need to start, to find their files and to reach the network.
const KEPT: [&str; 24] = [
    "PATH",
    "HOME",
    "USER",
    "LANG",
    "LANGUAGE",
    "TZ",
    "TMPDIR",
    "TEMP",
    "TMP",
    "LD_LIBRARY_PATH",
    "DYLD_LIBRARY_PATH",
    "SYSTEMROOT",
    "WINDIR",
    "PATHEXT",
    "http_proxy",
    "https_proxy",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "no_proxy",
    "NO_PROXY",
    "all_proxy",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "FONTCONFIG_PATH",
];

/// Removes all variables but those that ffmpeg needs.
pub(super) fn restrict(command: &mut Command) {
    command.env_clear();
    let is_kept = |name: &str| KEPT.contains(&name) || name.starts_with("LC_");
    command.envs(std::env::vars_os().filter(|(name, _)| name.to_str().is_some_and(is_kept)));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_stay_here_and_the_path_goes_along() {
        let mut command = Command::new("true");
        command.env("FIGUREGROUND_TOKEN", "secret");
        restrict(&mut command);
        let names: Vec<_> = command.get_envs().filter(|(_, value)| value.is_some()).map(|(name, _)| name).collect();
        assert!(names.iter().any(|name| *name == "PATH"));
        assert!(!names.iter().any(|name| name.to_string_lossy().starts_with("FIGUREGROUND") || *name == "CARGO"));
    }
}
