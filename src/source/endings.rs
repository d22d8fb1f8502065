//! The file name extensions of clips, for every command that looks for clips in a folder.

use super::picture_file;
use std::path::Path;

/// Extensions of videos and animations, in lower case. Of two files of one clip, a data set takes the one that comes
/// first here.
const VIDEOS: [&str; 53] = [
    "mp4", "webm", "mkv", "avi", "mov", "m4v", "mpg", "mpeg", "y4m", "gif", "wmv", "flv", "3gp", "3g2", "ts", "mts",
    "m2ts", "ogv", "vob", "asf", "mxf", "apng", "webp", "qt", "f4v", "divx", "xvid", "mpe", "m1v", "m2v", "mp2v",
    "mpv", "m2t", "tp", "trp", "tod", "mod", "dv", "ogg", "ogm", "rm", "rmvb", "amv", "nut", "ivf", "3gpp", "mjpeg",
    "mjpg", "h264", "264", "h265", "265", "hevc",
];

/// Extensions of pictures that ffmpeg decodes, in lower case, besides those of [`picture_file::is_picture`].
const MORE_PICTURES: [&str; 10] = ["tif", "tiff", "avif", "heic", "heif", "jp2", "jxl", "ppm", "tga", "jfif"];

/// Files that operating systems add to folders, in lower case.
const SYSTEM_FILES: [&str; 4] = ["thumbs.db", "ehthumbs.db", "desktop.ini", "__macosx"];

/// Returns whether the extension of `path`, in any letter case, is that of a video or an animation.
pub fn is_video(path: &Path) -> bool {
    VIDEOS.contains(&extension(path).as_str())
}

/// Returns whether the extension of `path`, in any letter case, is that of a picture.
pub fn is_picture(path: &Path) -> bool {
    let extension = extension(path);
    picture_file::is_picture(&extension) || MORE_PICTURES.contains(&extension.as_str())
}

/// Returns whether the extension of `path`, in any letter case, is that of a clip: a video, an animation or a picture.
pub fn is_clip(path: &Path) -> bool {
    is_video(path) || is_picture(path)
}

/// Returns the place of the extension of `path` in the order in which files of one clip are preferred: videos, then
/// pictures, then all others.
pub fn preference(path: &Path) -> usize {
    let extension = extension(path);
    let video = VIDEOS.iter().position(|video| *video == extension);
    video.unwrap_or(if is_picture(path) { VIDEOS.len() } else { usize::MAX })
}

/// Returns whether `path` is hidden, or a file or folder that an operating system adds, such as `.DS_Store`,
/// `Thumbs.db`, `desktop.ini` and `__MACOSX`.
pub fn is_system_file(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
    name.starts_with('.') || SYSTEM_FILES.contains(&name.as_str())
}

fn extension(path: &Path) -> String {
    path.extension().unwrap_or_default().to_string_lossy().to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clips_are_known_by_their_extension_in_any_letter_case() {
        for name in ["a.MP4", "a.MoV", "a.b.wmv", "a.m2ts", "a.JPEG", "a.Tiff", "a.apng", "a.webp"] {
            assert!(is_clip(Path::new(name)), "{name}");
        }
        for name in ["a.txt", "a", "mp4", "a.mp4.part", ".mp4"] {
            assert!(!is_clip(Path::new(name)), "{name}");
        }
        assert!(is_video(Path::new("a.gif")) && is_picture(Path::new("a.gif")) && !is_video(Path::new("a.png")));
        assert!(preference(Path::new("a.MP4")) < preference(Path::new("a.avi")));
        assert!(preference(Path::new("a.avi")) < preference(Path::new("a.jpg")));
        assert!(preference(Path::new("a.jpg")) < preference(Path::new("a.txt")));
    }

    #[test]
    fn hidden_files_and_those_of_operating_systems_are_known() {
        for name in ["a/.DS_Store", "._a.mp4", "Thumbs.db", "desktop.ini", "x/__MACOSX"] {
            assert!(is_system_file(Path::new(name)), "{name}");
        }
        assert!(!is_system_file(Path::new("a/thumbs.mp4")));
    }
}
