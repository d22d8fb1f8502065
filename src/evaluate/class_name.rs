//! Spellings of class names.

/// Characters that downloaders and file systems leave out of the names of folders.
const LEFT_OUT: &str = "'\u{2019}\u{2018}`\"()[]{}<>,.:;/\\|?*!_-";

/// Returns `name` in lower case without spaces and the characters that downloaders leave out of the names of folders.
/// "massaging person's head" is then the same class as the folder `massaging_persons_head`.
pub(super) fn key(name: &str) -> String {
    name.chars().filter(|c| !c.is_whitespace() && !LEFT_OUT.contains(*c)).flat_map(char::to_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use super::key;

    #[test]
    fn spellings_of_one_class_have_one_key() {
        assert_eq!(key("massaging person's head"), key("Massaging_persons_head"));
        assert_eq!(key("playing guitar (acoustic)"), key("playing guitar acoustic"));
        assert_ne!(key("c"), key("c++"));
    }
}
