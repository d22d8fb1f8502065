//! Hosts that are reached without a proxy: the environment variable `no_proxy`, or `NO_PROXY`.

use std::net::{IpAddr, Ipv6Addr};

/// Returns whether the environment says that `host` is reached without a proxy.
pub(super) fn is_direct(host: &str, port: Option<u16>) -> bool {
    let set = ["no_proxy", "NO_PROXY"].iter().find_map(|name| std::env::var(name).ok().filter(|list| !list.is_empty()));
    set.is_some_and(|list| is_listed(&list, host, port))
}

/// Returns whether `list` has `host`: a name, which stands for those below it as well, with or without `.` or `*.`
/// before it; an address; or a range of addresses such as `10.0.0.0/8`. A port after `:` must be that of the request.
fn is_listed(list: &str, host: &str, port: Option<u16>) -> bool {
    let host = host.trim_start_matches('[').trim_end_matches(']').trim_end_matches('.').to_ascii_lowercase();
    let address = host.parse::<IpAddr>().ok();
    let entries = list.split([',', ' ', '\t']).map(str::trim).filter(|entry| !entry.is_empty());
    entries.map(str::to_ascii_lowercase).any(|entry| {
        if entry == "*" {
            return true;
        }
        if let Some((network, bits)) = entry.split_once('/') {
            return address.is_some_and(|address| is_in_range(address, network, bits));
        }
        let (name, entry_port) = split_port(&entry);
        if entry_port.is_some() && entry_port != port {
            return false;
        }
        if let (Some(address), Ok(listed)) = (address, name.parse::<IpAddr>()) {
            return address.to_canonical() == listed.to_canonical();
        }
        let name = name.trim_start_matches('*').trim_start_matches('.').trim_end_matches('.');
        let is_below = host.strip_suffix(name).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'));
        !name.is_empty() && is_below
    })
}

/// Returns the host and the port of an entry. An address of IPv6 has its port behind brackets.
fn split_port(entry: &str) -> (&str, Option<u16>) {
    if let Some((address, rest)) = entry.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        return (address, rest.strip_prefix(':').and_then(|port| port.parse().ok()));
    }
    match entry.split_once(':') {
        Some((name, port)) if !port.contains(':') => (name, port.parse().ok()),
        _ => (entry, None),
    }
}

/// Returns whether `address` begins with the first `bits` of `network`.
fn is_in_range(address: IpAddr, network: &str, bits: &str) -> bool {
    let network = network.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    let (Ok(network), Ok(bits)) = (network, bits.parse::<u32>()) else { return false };
    let (width, address, network) = match (address.to_canonical(), network) {
        (IpAddr::V4(address), IpAddr::V4(network)) => {
            (32, high(address.to_ipv6_mapped()), high(network.to_ipv6_mapped()))
        }
        (IpAddr::V6(address), IpAddr::V6(network)) => (128, address.to_bits(), network.to_bits()),
        _ => return false,
    };
    bits <= width && (address ^ network).checked_shr(128 - bits).unwrap_or(0) == 0
}

/// Returns the bits of an address of IPv4 as the highest of 128.
fn high(mapped: Ipv6Addr) -> u128 {
    mapped.to_bits() << 96
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_suffixes_addresses_and_ranges_are_reached_directly() {
        for (list, direct, proxied) in [
            ("localhost, 127.0.0.1", &["localhost", "127.0.0.1", "LOCALHOST"][..], &["127.0.0.2", "ocalhost"][..]),
            ("10.0.0.0/8,192.168.4.0/23", &["10.255.0.1", "192.168.5.9"], &["11.0.0.1", "192.168.6.1", "ten.example"]),
            ("0.0.0.0/0", &["8.8.8.8"], &["2001:db8::1"]),
            ("127.0.0.1/32", &["127.0.0.1", "::ffff:127.0.0.1"], &["127.0.0.2"]),
            ("fd00::/8 ::1", &["fd12::1", "[fd12::1]", "::1"], &["fe80::1", "10.0.0.1"]),
            (".lan,*.corp.example", &["a.lan", "lan", "b.a.corp.example", "corp.example"], &["vlan", "a.example"]),
            ("example.com", &["example.com", "www.example.com", "example.com."], &["notexample.com", "example.org"]),
            ("*", &["anything", "10.0.0.1"], &[]),
            ("10.0.0.0/33,10.0.0.0/x,/8,.,*.", &[], &["10.0.0.1", "a"]),
            ("hook.example:8080,[::1]:8080", &["hook.example", "::1"], &[]),
            ("hook.example:80,[::1]:80", &[], &["hook.example", "::1"]),
        ] {
            direct.iter().for_each(|host| assert!(is_listed(list, host, Some(8080)), "{host} in {list:?}"));
            proxied.iter().for_each(|host| assert!(!is_listed(list, host, Some(8080)), "{host} not in {list:?}"));
        }
    }
}
