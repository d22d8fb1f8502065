//! The open connections of one address of this machine, and which of them makes room for a new one.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::oneshot;

/// Bounds on connections, because files and cameras need file descriptors too.
#[derive(Clone, Copy, Debug)]
pub(super) struct ConnectionLimits {
    /// Of all clients together.
    pub(super) all: usize,
    /// Of one client.
    pub(super) per_client: usize,
}

/// The open connections.
#[derive(Clone, Debug)]
pub(super) struct Connections {
    limits: ConnectionLimits,
    open: Arc<Mutex<Open>>,
}

#[derive(Debug, Default)]
struct Open {
    /// By number, oldest first.
    connections: BTreeMap<u64, Connection>,
    next: u64,
}

#[derive(Debug)]
struct Connection {
    client: IpAddr,
    /// Closes the connection; `None` once it is the live channel, whose number has a limit of its own.
    close: Option<oneshot::Sender<()>>,
}

/// The place of one connection, free again once it is dropped.
#[derive(Debug)]
pub(super) struct Place {
    number: u64,
    connections: Connections,
}

impl Connections {
    pub(super) fn new(limits: ConnectionLimits) -> Self {
        Self { limits, open: Arc::default() }
    }

    /// Returns a place for a new connection from `address`, and what resolves once it has to close. At a limit, the
    /// oldest connection of that client, or of all, makes room: somebody who takes long with a request cannot keep
    /// others out. Returns `None` if none can.
    pub(super) fn admit(&self, address: IpAddr) -> Option<(Place, oneshot::Receiver<()>)> {
        let (client, mut open) = (client(address), self.lock());
        if open.connections.values().filter(|connection| connection.client == client).count() >= self.limits.per_client
        {
            open.close_oldest(|connection| connection.client == client)?;
        }
        if open.connections.len() >= self.limits.all {
            open.close_oldest(|_| true)?;
        }
        let (sender, close) = oneshot::channel();
        let number = open.next;
        open.next += 1;
        open.connections.insert(number, Connection { client, close: Some(sender) });
        Some((Place { number, connections: self.clone() }, close))
    }

    /// Records that connection `number` is a live channel, if it is still open.
    pub(super) fn keep(&self, number: u64) {
        if let Some(connection) = self.lock().connections.get_mut(&number) {
            connection.close = None;
        }
    }

    fn lock(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Open {
    fn close_oldest(&mut self, is_candidate: impl Fn(&Connection) -> bool) -> Option<()> {
        let candidates = self.connections.iter().filter(|(_, connection)| connection.close.is_some());
        let (&number, _) = candidates.into_iter().find(|(_, connection)| is_candidate(connection))?;
        // Its place is free at once, although the task closes it a little later.
        let close = self.connections.remove(&number)?.close?;
        // It fails only if the connection has just ended.
        let _ = close.send(());
        Some(())
    }
}

impl Place {
    pub(super) fn number(&self) -> u64 {
        self.number
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.connections.lock().connections.remove(&self.number);
    }
}

/// Returns the client of `address`: in IPv6, one client has a network of 64 bits.
fn client(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX)).into(),
        address => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_of_the_same_client_makes_room_and_live_channels_stay() {
        let connections = Connections::new(ConnectionLimits { all: 3, per_client: 2 });
        let [a, b] = ["10.0.0.1", "2001:db8::1"].map(|address| address.parse().unwrap());
        let mut admitted: Vec<_> = [a, a, b].iter().map(|address| connections.admit(*address).unwrap()).collect();
        connections.keep(admitted[0].0.number());
        let is_closed = |(_, close): &mut (Place, oneshot::Receiver<()>)| close.try_recv().is_ok();
        // At both limits, the older one of `a` that is no live channel goes.
        admitted.push(connections.admit(a).unwrap());
        assert_eq!(admitted.iter_mut().map(is_closed).collect::<Vec<_>>(), [false, true, false, false]);
        // Another address of the same network is the same client; the oldest of all goes.
        admitted.push(connections.admit("2001:db8::2".parse().unwrap()).unwrap());
        assert_eq!(admitted.iter_mut().map(is_closed).collect::<Vec<_>>()[2..], [true, false, false]);
        admitted.iter().for_each(|(place, _)| connections.keep(place.number()));
        assert!(connections.admit(a).is_none());
        admitted.clear();
        assert!(connections.admit(a).is_some());
    }
}
