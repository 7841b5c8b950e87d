//! Binding: once, on the IPv4 and the IPv6 loopback address, and kept.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener};

use super::ServeFailure;

/// The sockets of one service: all on the same port.
#[derive(Debug)]
pub(super) struct Bound {
    pub(super) port: u16,
    pub(super) sockets: Vec<TcpListener>,
}

impl Bound {
    pub(super) fn addresses(&self) -> Vec<String> {
        self.sockets.iter().filter_map(|socket| socket.local_addr().ok()).map(|address| address.to_string()).collect()
    }

    /// The same sockets for a runtime's use; ours stay open, so that a service can be started again.
    pub(super) fn for_tokio(&self) -> io::Result<Vec<tokio::net::TcpListener>> {
        self.sockets
            .iter()
            .map(|socket| {
                let socket = socket.try_clone()?;
                socket.set_nonblocking(true)?;
                tokio::net::TcpListener::from_std(socket)
            })
            .collect()
    }
}

/// Binds `port` (zero: any free one) on `listen`, else on both loopback addresses. With `or_any`, a taken port is
/// replaced by a free one.
pub(super) fn bind(service: &str, listen: Option<IpAddr>, port: u16, or_any: bool) -> Result<Bound, ServeFailure> {
    match bind_all(listen, port) {
        Err((_, error)) if or_any && error.kind() == io::ErrorKind::AddrInUse => bind_all(listen, 0),
        other => other,
    }
    .map_err(|(address, error)| failure(service, address, &error))
}

fn failure(service: &str, address: SocketAddr, error: &io::Error) -> ServeFailure {
    let (service, port, address) = (service.to_owned(), address.port(), address.to_string());
    if error.kind() == io::ErrorKind::AddrInUse {
        ServeFailure::PortTaken { service, address, port, reason: "address in use".to_owned() }
    } else {
        ServeFailure::CannotListen { service, address, reason: error.to_string() }
    }
}

fn bind_all(listen: Option<IpAddr>, port: u16) -> Result<Bound, (SocketAddr, io::Error)> {
    if let Some(address) = listen {
        return bind_one(address, port).map(|(port, socket)| Bound { port, sockets: vec![socket] });
    }
    /// A port that is free on IPv4 may be taken on IPv6; then another free one is tried.
    const TRIES: u32 = 16;
    let mut last = None;
    for _ in 0..TRIES {
        let (bound_port, v4) = bind_one(Ipv4Addr::LOCALHOST.into(), port)?;
        match bind_one(Ipv6Addr::LOCALHOST.into(), bound_port) {
            Ok((_, v6)) => return Ok(Bound { port: bound_port, sockets: vec![v4, v6] }),
            Err((_, error)) if is_no_ipv6(&error) => return Ok(Bound { port: bound_port, sockets: vec![v4] }),
            Err(error) if port != 0 => return Err(error),
            Err(error) => last = Some(error),
        }
    }
    Err(last.unwrap_or_else(|| (SocketAddr::from((Ipv6Addr::LOCALHOST, port)), io::ErrorKind::AddrInUse.into())))
}

fn bind_one(address: IpAddr, port: u16) -> Result<(u16, TcpListener), (SocketAddr, io::Error)> {
    let wanted = SocketAddr::from((address, port));
    let bound = TcpListener::bind(wanted).and_then(|socket| Ok((socket.local_addr()?.port(), socket)));
    bound.map_err(|error| (wanted, error))
}

fn is_no_ipv6(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::AddrNotAvailable | io::ErrorKind::Unsupported)
        || error.raw_os_error() == Some(rustix::io::Errno::AFNOSUPPORT.raw_os_error())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_free_port_is_the_same_on_every_address() {
        let bound = bind("kafka", None, 0, false).unwrap();
        assert!(bound.port > 0);
        assert!(bound.sockets.iter().all(|socket| socket.local_addr().unwrap().port() == bound.port));
    }

    #[test]
    fn a_taken_port_is_named_or_replaced() {
        let taken = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = taken.local_addr().unwrap().port();
        match bind("kafka", None, port, false) {
            Err(ServeFailure::PortTaken { service, port: named, .. }) => {
                assert_eq!((service.as_str(), named), ("kafka", port))
            }
            other => panic!("{other:?}"),
        }
        assert_ne!(bind("kafka", None, port, true).unwrap().port, port);
    }
}
