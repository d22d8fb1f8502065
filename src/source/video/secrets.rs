//! Masks what people give as user, password or query of an address, in every text that leaves the program.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

/// Stands for a secret.
const MASK: &str = "***";
/// Minimum length of a secret that is masked wherever it stands; shorter ones are parts of other words.
const LEAST_LENGTH: usize = 3;

/// Returns `text` with `***` for user, password and the values of the query of each address in it, unless they are
/// `${NAME}`. An address is `scheme:` with any number of slashes behind it.
pub fn without_secrets(text: &str) -> String {
    masked(text, |_| false)
}

/// Does the same with a sentence, in which an address ends at a space, a comma or a quotation mark.
pub(super) fn sentence_without_secrets(text: &str) -> String {
    masked(text, |c| [' ', ',', '\'', '"'].contains(&c))
}

fn masked(text: &str, ends: impl Fn(char) -> bool) -> String {
    let mut masked = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once(":/") {
        let scheme = before
            .rfind(|c: char| !(c.is_ascii_alphanumeric() || "+-.".contains(c)))
            .map_or(0, |at| at + before[at..].chars().next().map_or(1, char::len_utf8));
        let slashes = after.len() - after.trim_start_matches('/').len();
        masked.push_str(before);
        masked.push_str(":/");
        masked.push_str(&after[..slashes]);
        let address = &after[slashes..];
        let length = address.find(&ends).unwrap_or(address.len());
        if before[scheme..].is_empty() {
            rest = address;
            continue;
        }
        masked.push_str(&without_query(&without_user(&address[..length])));
        rest = &address[length..];
    }
    masked + rest
}

/// Masks user and password of `user:password@host/…`. An unescaped password may hold any character; the host follows
/// the last `@`.
fn without_user(address: &str) -> String {
    let end = address.find(['/', '?', '#']).unwrap_or(address.len());
    let query = address.find('?').unwrap_or(address.len());
    let unescaped = || address[..query].rfind('@').filter(|at| address[..*at].contains(':'));
    let Some(at) = address[..end].rfind('@').or_else(unescaped) else {
        return address.to_owned();
    };
    // Who keeps the password in a variable has no secret in the address.
    let masked = match address[..at].split_once(':') {
        Some((_, password)) if is_variable(password) => address[..at].to_owned(),
        Some((user, _)) if is_variable(user) => format!("{user}:{MASK}"),
        Some(_) => format!("{MASK}:{MASK}"),
        None if is_variable(&address[..at]) => address[..at].to_owned(),
        None => MASK.to_owned(),
    };
    format!("{masked}{}", &address[at..])
}

/// Masks the values of a query; a part without `=` is a value.
fn without_query(address: &str) -> String {
    let Some((path, query)) = address.split_once('?') else { return address.to_owned() };
    let (query, fragment) = query.split_once('#').map_or((query, None), |(query, fragment)| (query, Some(fragment)));
    let masked = query.split('&').map(|part| match part.split_once('=') {
        Some((_, value)) if is_variable(value) || value.is_empty() => part.to_owned(),
        Some((key, _)) => format!("{key}={MASK}"),
        None if is_variable(part) || part.is_empty() => part.to_owned(),
        None => MASK.to_owned(),
    });
    let masked = masked.collect::<Vec<_>>().join("&");
    fragment.map_or_else(|| format!("{path}?{masked}"), |fragment| format!("{path}?{masked}#{fragment}"))
}

/// Returns whether `text` is exactly `${NAME}`.
fn is_variable(text: &str) -> bool {
    let name = text.strip_prefix("${").and_then(|text| text.strip_suffix('}'));
    name.is_some_and(|name| !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_'))
}

/// Returns the secrets that `url` contains: user, password and the values of the query, as written and decoded.
pub(super) fn secrets_in(url: &str) -> Vec<String> {
    let Some((_, address)) = url.split_once("://") else { return Vec::new() };
    let end = address.find(['/', '?', '#']).unwrap_or(address.len());
    let unescaped = || address.rfind('@').filter(|at| address[..*at].contains(':'));
    let user = address[..end].rfind('@').or_else(unescaped).map_or("", |at| &address[..at]);
    let query = address.split_once('?').map_or("", |(_, query)| query);
    let values = query.split('&').map(|part| part.split_once('=').map_or(part, |(_, value)| value));
    values.chain(user.splitn(2, ':')).flat_map(forms).collect()
}

/// Returns `secret` as it is, percent-encoded and decoded, without those that are too short to be masked anywhere.
pub(super) fn forms(secret: &str) -> Vec<String> {
    let mut forms = vec![secret.to_owned(), encoded(secret), decoded(secret)];
    forms.retain(|form| form.len() >= LEAST_LENGTH);
    forms.dedup();
    forms
}

/// Encodes all but letters, digits and `-._~`.
pub(super) fn encoded(text: &str) -> String {
    const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
    utf8_percent_encode(text, ENCODED).to_string()
}

/// Decodes `%2F` and the like; other text stays.
pub(in crate::source) fn decoded(text: &str) -> String {
    percent_decode_str(text).decode_utf8_lossy().into_owned()
}

/// Replaces each of `secrets` in `text`, the longest first.
pub(super) fn mask(text: &str, secrets: &[String]) -> String {
    let mut secrets: Vec<&String> = secrets.iter().collect();
    secrets.sort_by_key(|secret| core::cmp::Reverse(secret.len()));
    secrets.iter().fold(text.to_owned(), |text, secret| text.replace(secret.as_str(), MASK))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn user_password_and_query_are_masked_and_variables_stay() {
        for (given, expected) in [
            ("rtsp://user:pa:s@s@host:554/live", "rtsp://***:***@host:554/live"),
            ("rtsp://user:a/b@host/live", "rtsp://***:***@host/live"),
            ("rtsp:/user:pw@host/live", "rtsp:/***:***@host/live"),
            ("rtsp://user:${PW}@host/live", "rtsp://user:${PW}@host/live"),
            ("rtsp://${USER}:${PW}@host/a?token=${T}&x=1", "rtsp://${USER}:${PW}@host/a?token=${T}&x=***"),
            ("http://host/a?t0ken#end", "http://host/a?***#end"),
            ("http://host/live.m3u8", "http://host/live.m3u8"),
            ("no address", "no address"),
            ("rtsp://user@host/live", "rtsp://***@host/live"),
            ("http://host/a@b", "http://host/a@b"),
            ("clip@home:1.mp4", "clip@home:1.mp4"),
        ] {
            assert_eq!(without_secrets(given), expected, "{given}");
        }
        let sentence =
            "Error when loading first segment 'http://user:hunter2@127.0.0.1:9/seg.ts?k=v', http://a:b@c: no";
        let expected =
            "Error when loading first segment 'http://***:***@127.0.0.1:9/seg.ts?k=***', http://***:***@c: no";
        assert_eq!(sentence_without_secrets(sentence), expected);
    }

    #[test]
    fn secrets_are_found_in_every_form() {
        let secrets = secrets_in("https://ann:p%40ss%2F@host/a?token=a+b%20c");
        let text = mask("ann p%40ss%2F p@ss/ a+b%20c a+b c", &secrets);
        assert_eq!(text, "*** *** *** *** ***");
        assert_eq!(decoded("a%20b%2"), "a b%2");
        assert_eq!(encoded("p@s/#? %"), "p%40s%2F%23%3F%20%25");
    }
}
