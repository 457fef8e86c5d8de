//! Tries the addresses that are to be listened on, and asks who is there where one is taken. What that means is [`super::machine`]'s to say.

use std::io::ErrorKind;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::Path;

use net::Listener;
use teacher::Endpoint;

use super::machine::{self, Port};
use crate::app::teacher_check;
use crate::finding::Finding;
use crate::settings::Settings;

/// What only an apprentice's admin listener says.
const OURS: &str = "apprentice_build_info";

/// Both listeners; each socket is let go at once.
pub(super) async fn look(settings: &Settings) -> Vec<Finding> {
    let (proxy, admin) = (&settings.proxy, &settings.admin);
    let [at_proxy, at_admin] = [proxy.listen, admin.listen].map(|address| Listener::bind(address, 1));
    let taken = |bound: &Result<Listener, net::ListenError>| {
        bound.as_ref().is_err_and(|error| error.source.kind() == ErrorKind::AddrInUse)
    };
    // Who listens for clients says nothing of itself, but it does not run without the other.
    let apprentice = taken(&at_admin) && is_apprentice(admin.listen, admin.tls_cert_file.as_deref()).await;
    let port = |bound: Result<Listener, net::ListenError>| match bound {
        Ok(_) => Port::Free,
        Err(error) if error.source.kind() == ErrorKind::AddrInUse => Port::Taken { apprentice },
        Err(error) => Port::Refused(error.source.to_string()),
    };
    vec![
        machine::port("proxy.listen", proxy.listen, &port(at_proxy)),
        machine::port("admin.listen", admin.listen, &port(at_admin)),
    ]
}

async fn is_apprentice(listen: SocketAddr, certificate: Option<&Path>) -> bool {
    let scheme = if certificate.is_some() { "https" } else { "http" };
    let url = format!("{scheme}://{}", reached(listen));
    let Ok(endpoint) = Endpoint::new(&url, None, certificate.map(Path::to_owned)) else { return false };
    teacher_check::ask(endpoint, "/metrics")
        .await
        .is_ok_and(|answer| String::from_utf8_lossy(&answer.body).contains(OURS))
}

/// From this machine, who listens on all addresses is reached at its own.
fn reached(listen: SocketAddr) -> SocketAddr {
    let ip = match listen.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::V6(Ipv6Addr::LOCALHOST),
        ip => ip,
    };
    SocketAddr::new(ip, listen.port())
}
