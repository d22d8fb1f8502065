//! Tokens and passwords.

use figureground::sink::Secret;

#[test]
fn a_secret_is_read_from_a_file_or_the_environment_and_not_printed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("token");
    std::fs::write(&path, "hunter2\n").unwrap();
    let secret = Secret::find(Some(&path), "NO_SUCH_VARIABLE").unwrap().unwrap();
    assert_eq!(secret.reveal(), "hunter2");
    assert!(!format!("{secret:?}").contains("hunter2"));
    assert_eq!(Secret::find(None, "NO_SUCH_VARIABLE").unwrap(), None);
    std::fs::write(&path, " \n").unwrap();
    assert!(Secret::find(Some(&path), "X").unwrap_err().to_string().contains("token"));
    assert!(Secret::find(Some(&folder.path().join("absent")), "X").is_err());
}
