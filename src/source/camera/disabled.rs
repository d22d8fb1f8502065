//! The stub in builds without the feature `camera`.

use super::CameraName;
use crate::error::{Error, Result, Stage};
use crate::source::{Source, SourceOptions};

pub(super) fn list() -> Result<Vec<CameraName>> {
    Err(without_camera())
}

pub(super) fn open(_name: String, _index: &str, _options: &SourceOptions) -> Result<Box<dyn Source>> {
    Err(without_camera())
}

fn without_camera() -> Error {
    let next = "build with --features camera (it needs libclang: apt-get install libclang-dev)";
    Error::new(Stage::Source, "a build with the feature `camera`", "one without it", next)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_error_names_the_feature() {
        let error = open("camera:0".to_owned(), "0", &SourceOptions::default()).err().unwrap().to_string();
        assert!(error.contains("--features camera"));
        assert_eq!(list().unwrap_err().to_string(), error);
    }
}
