//! How many connections there may be, in total and of one address.

use std::{
    collections::HashMap,
    net::{IpAddr, Ipv6Addr},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use prometheus_client::metrics::gauge::Gauge;

use crate::metrics::Refusal;

/// Counts open connections.
#[derive(Debug)]
pub(super) struct Caps {
    max: usize,
    /// 0: no limit.
    max_per_address: usize,
    open: Mutex<Open>,
    gauge: Gauge,
}

#[derive(Debug, Default)]
struct Open {
    total: usize,
    by_address: HashMap<IpAddr, usize>,
}

/// One connection's place, until it is dropped.
#[derive(Debug)]
pub(super) struct Place {
    caps: Arc<Caps>,
    address: IpAddr,
}

impl Caps {
    pub(super) fn new(max: usize, max_per_address: usize, gauge: Gauge) -> Arc<Self> {
        Arc::new(Self {
            max,
            max_per_address,
            open: Mutex::default(),
            gauge,
        })
    }

    /// A place for a connection of `address`, or why there is none.
    pub(super) fn admit(self: &Arc<Self>, address: IpAddr) -> Result<Place, Refusal> {
        let address = household(address);
        let mut open = self.open();
        if open.total >= self.max {
            return Err(Refusal::Total);
        }
        let count = open.by_address.entry(address).or_default();
        if self.max_per_address > 0 && *count >= self.max_per_address {
            return Err(Refusal::Address);
        }
        *count += 1;
        open.total += 1;
        self.gauge.inc();
        Ok(Place {
            caps: self.clone(),
            address,
        })
    }

    fn open(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut open = self.caps.open();
        open.total -= 1;
        if let Some(count) = open.by_address.get_mut(&self.address) {
            *count -= 1;
            if *count == 0 {
                open.by_address.remove(&self.address);
            }
        }
        self.caps.gauge.dec();
    }
}

/// What one subscriber of a network has: an IPv4 address, or the /64 of an IPv6 address.
fn household(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => {
            let network = v6.to_bits() & !u128::from(u64::MAX);
            IpAddr::V6(Ipv6Addr::from_bits(network))
        }
        v4 @ IpAddr::V4(_) => v4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn places_are_limited_and_come_back() {
        let caps = Caps::new(3, 2, Gauge::default());
        let (a, b) = (address("192.0.2.1"), address("192.0.2.2"));
        let first = caps.admit(a).unwrap();
        let _second = caps.admit(a).unwrap();
        assert_eq!(caps.admit(a).unwrap_err(), Refusal::Address);
        let _third = caps.admit(b).unwrap();
        assert_eq!(caps.admit(b).unwrap_err(), Refusal::Total);
        drop(first);
        assert_eq!(caps.gauge.get(), 2);
        let _again = caps.admit(a).unwrap();
        drop((_second, _third, _again));
        assert!(caps.open().by_address.is_empty());
    }

    #[test]
    fn zero_is_no_limit_of_one_address() {
        let caps = Caps::new(100, 0, Gauge::default());
        let places: Vec<_> = (0..100)
            .map(|_| caps.admit(address("192.0.2.1")).unwrap())
            .collect();
        assert_eq!(places.len(), 100);
    }

    #[test]
    fn an_ipv6_network_counts_as_one_address() {
        let caps = Caps::new(10, 1, Gauge::default());
        let _one = caps.admit(address("2001:db8::1")).unwrap();
        assert!(caps.admit(address("2001:db8::ffff:1")).is_err());
        assert!(caps.admit(address("2001:db8:0:1::1")).is_ok());
        let _mapped = caps.admit(address("::ffff:192.0.2.1")).unwrap();
        assert!(caps.admit(address("192.0.2.1")).is_err());
    }
}
