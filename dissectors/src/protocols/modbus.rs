//! Placeholder until the dissector lands.
use super::{Likeness, Protocol};

pub(super) static PROTOCOL: Protocol =
    Protocol { name: "modbus", carries: &[], tcp_ports: &[], udp_ports: &[], probe: |_| Likeness::No, frame: |_| Ok(None), dissect: |_, _| Ok(()) };
pub(super) static RTU: Protocol =
    Protocol { name: "modbus_rtu", carries: &[], tcp_ports: &[], udp_ports: &[], probe: |_| Likeness::No, frame: |_| Ok(None), dissect: |_, _| Ok(()) };
