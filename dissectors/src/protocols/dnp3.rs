//! Placeholder until the dissector lands.
use super::{Likeness, Protocol};

pub(super) static PROTOCOL: Protocol =
    Protocol { name: "dnp3", carries: &[], tcp_ports: &[], udp_ports: &[], probe: |_| Likeness::No, frame: |_| Ok(None), dissect: |_, _| Ok(()) };
