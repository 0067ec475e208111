//! The whole seam: what Python sees of the engine. `sensor/_dissectors.pyi` is its typed contract.

use std::path::PathBuf;
#[cfg(target_os = "linux")]
use std::sync::{Mutex, PoisonError};

use pyo3::create_exception;
use pyo3::exceptions::{PyException, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyMapping, PyTuple};

use crate::changes::{Changes, Totals};
use crate::decode::{Address, Mac};
use crate::engine::Engine as Fast;
#[cfg(target_os = "linux")]
use crate::live;
use crate::mirror::Stations;
use crate::observations::{self as rows, Ends, Traffic, Transport};
use crate::pick::{self, End, Pick};
#[cfg(target_os = "linux")]
use crate::recent;
use crate::source::{Capture, LinkType};
#[cfg(target_os = "linux")]
use crate::source::{filter, ring};
use crate::tables::Limits;

create_exception!(sensor._dissectors, CaptureError, PyException, "A capture that cannot be opened.");

fn mac_text(mac: Mac) -> Option<String> {
    (mac != Mac::NONE).then(|| mac.to_string())
}

fn ip_text(address: Address) -> Option<String> {
    (address != Address::NONE).then(|| address.to_string())
}

const fn vlan(number: u16) -> Option<u16> {
    if number == 0 { None } else { Some(number) }
}

fn pair(traffic: &Ends<Traffic>, of: impl Fn(&Traffic) -> u64) -> (u64, u64) {
    (of(&traffic.client), of(&traffic.server))
}

#[pyclass(frozen, get_all, module = "sensor._dissectors")]
struct Endpoint {
    id: u64,
    mac: Option<String>,
    ip: Option<String>,
    vlan: Option<u16>,
    first: i64,
    last: i64,
    packets: u64,
    octets: u64,
    hops: Option<u8>,
}

impl From<&rows::Endpoint> for Endpoint {
    fn from(row: &rows::Endpoint) -> Self {
        let (span, key) = (row.span, row.key);
        let (mac, ip, vlan) = (mac_text(key.mac), ip_text(key.ip), vlan(key.vlan));
        let (first, last) = (span.first, span.last);
        Self { id: row.id, mac, ip, vlan, first, last, packets: row.packets, octets: row.octets, hops: row.hops }
    }
}

#[pyclass(frozen, get_all, module = "sensor._dissectors")]
struct Conversation {
    id: u64,
    client_mac: Option<String>,
    client_ip: Option<String>,
    server_mac: Option<String>,
    server_ip: Option<String>,
    transport: &'static str,
    port: Option<u16>,
    vlan: Option<u16>,
    protocol: Option<&'static str>,
    by_port: bool,
    packets: (u64, u64),
    octets: (u64, u64),
    first: i64,
    last: i64,
    connections: u64,
    refused: u64,
    retransmissions: (u64, u64),
    out_of_order: (u64, u64),
    lost_segments: (u64, u64),
    lost_octets: (u64, u64),
    duplicates: (u64, u64),
    round_trip_time: Option<i64>,
    most_in_a_minute: u32,
}

impl From<&rows::Conversation> for Conversation {
    fn from(row: &rows::Conversation) -> Self {
        let key = row.key;
        let is_ip = key.transport != Transport::Ethernet;
        // Without IP the key's addresses are the MAC addresses: those stand even where an end never sent.
        let mac = |seen: Mac, address: Address| mac_text(if is_ip { seen } else { Mac(u64::try_from(address.0).unwrap_or(u64::MAX)) });
        let ip = |address: Address| ip_text(address).filter(|_| is_ip);
        Self {
            id: row.id,
            client_mac: mac(row.macs.client, key.client),
            client_ip: ip(key.client),
            server_mac: mac(row.macs.server, key.server),
            server_ip: ip(key.server),
            transport: key.transport.name(),
            port: (key.transport != Transport::Icmp).then_some(key.port),
            vlan: vlan(key.vlan),
            protocol: Some(key.protocol).filter(|name| !name.is_empty()),
            by_port: row.by_port,
            packets: pair(&row.traffic, |traffic| traffic.packets),
            octets: pair(&row.traffic, |traffic| traffic.octets),
            first: row.span.first,
            last: row.span.last,
            connections: row.connections,
            refused: row.refused,
            retransmissions: pair(&row.traffic, |traffic| traffic.retransmissions),
            out_of_order: pair(&row.traffic, |traffic| traffic.out_of_order),
            lost_segments: pair(&row.traffic, |traffic| traffic.lost_segments),
            lost_octets: pair(&row.traffic, |traffic| traffic.lost_octets),
            duplicates: pair(&row.traffic, |traffic| traffic.duplicates),
            round_trip_time: row.round_trip,
            most_in_a_minute: row.minutes.most(),
        }
    }
}

#[pyclass(frozen, get_all, module = "sensor._dissectors")]
struct Operation {
    id: u64,
    conversation: u64,
    protocol: &'static str,
    function: u32,
    subfunction: Option<u32>,
    unit: String,
    object: String,
    requests: u64,
    responses: u64,
    errors: u64,
    unanswered: u64,
    statuses: Vec<(u32, u64)>,
    response_time: Option<(u64, u64, u64)>,
    first: i64,
    last: i64,
    episodes: Vec<(i64, i64, u64, u64)>,
    most_in_a_minute: (u64, u64),
}

impl Operation {
    fn new(row: &rows::Operation, conversation: u64) -> Self {
        let times = row.response_time;
        Self {
            id: row.id,
            conversation,
            protocol: row.protocol,
            function: row.function,
            subfunction: row.subfunction,
            unit: row.unit.label().to_text(),
            object: row.object.label().to_text(),
            requests: row.requests,
            responses: row.responses,
            errors: row.errors,
            unanswered: row.unanswered,
            statuses: row.statuses.clone(),
            response_time: times.sum.checked_div(times.count).map(|mean| (times.least, mean, times.most)),
            first: row.span.first,
            last: row.span.last,
            episodes: row.episodes().iter().map(|one| (one.first, one.last, one.requests, one.errors)).collect(),
            most_in_a_minute: row.most_in_a_minute(),
        }
    }
}

#[pyclass(frozen, get_all, module = "sensor._dissectors")]
struct Fact {
    id: u64,
    mac: Option<String>,
    ip: Option<String>,
    vlan: Option<u16>,
    unit: String,
    key: &'static str,
    value: String,
    source: &'static str,
    first: i64,
    last: i64,
    count: u64,
}

impl From<&rows::Fact> for Fact {
    fn from(row: &rows::Fact) -> Self {
        Self {
            id: row.id,
            mac: mac_text(row.endpoint.mac),
            ip: ip_text(row.endpoint.ip),
            vlan: vlan(row.endpoint.vlan),
            unit: row.unit.clone(),
            key: row.key,
            value: row.value.clone(),
            source: row.source,
            first: row.span.first,
            last: row.span.last,
            count: row.count,
        }
    }
}

#[pyclass(frozen, get_all, module = "sensor._dissectors")]
struct Anomaly {
    id: u64,
    conversation: u64,
    protocol: &'static str,
    kind: &'static str,
    detail: String,
    count: u64,
    first: i64,
    last: i64,
}

impl Anomaly {
    fn new(row: &rows::Anomaly, conversation: u64) -> Self {
        let (detail, span) = (row.detail.clone(), row.span);
        Self {
            id: row.id,
            conversation,
            protocol: row.protocol,
            kind: row.kind,
            detail,
            count: row.count,
            first: span.first,
            last: span.last,
        }
    }
}

#[pyclass(frozen, get_all, module = "sensor._dissectors")]
struct Statistics {
    packets: u64,
    octets: u64,
    first: Option<i64>,
    last: Option<i64>,
    counters: Py<PyDict>,
    skipped_link_types: Py<PyDict>,
    protocols: Py<PyDict>,
    most_in_a_second: (u64, u64),
    group_packets: (u64, u64),
    stations: Vec<Option<String>>,
    tunnels: Py<PyDict>,
    vlans: Py<PyDict>,
    families: Py<PyDict>,
    response_times: Py<PyDict>,
}

#[pyclass(frozen, get_all, module = "sensor._dissectors")]
struct Batch {
    endpoints: Py<PyAny>,
    conversations: Py<PyAny>,
    operations: Py<PyAny>,
    facts: Py<PyAny>,
    anomalies: Py<PyAny>,
    removed: Vec<u64>,
    statistics: Py<Statistics>,
}

/// A list of Python objects.
fn list<T: pyo3::PyClass + Into<PyClassInitializer<T>>>(python: Python<'_>, items: impl Iterator<Item = T>) -> PyResult<Py<PyAny>> {
    let items = items.map(|item| Py::new(python, item)).collect::<PyResult<Vec<_>>>()?;
    Ok(pyo3::types::PyList::new(python, items)?.into_any().unbind())
}

/// The default limits, with those that are given.
fn limits_of(given: Option<&Bound<'_, PyMapping>>) -> PyResult<Limits> {
    let mut most = Limits::default();
    if let Some(given) = given {
        for item in given.items()?.iter() {
            let (name, value): (String, usize) = item.extract()?;
            let limit = most.each().into_iter().find(|(known, _)| *known == name);
            *limit.ok_or_else(|| PyValueError::new_err(format!("unknown limit {name:?}")))?.1 = value;
        }
    }
    Ok(most)
}

#[pyclass(module = "sensor._dissectors")]
struct Engine {
    fast: Fast,
    capture: Option<Capture>,
}

#[pymethods]
impl Engine {
    #[new]
    #[pyo3(signature = (limits=None))]
    fn new(limits: Option<&Bound<'_, PyMapping>>) -> PyResult<Self> {
        Ok(Self { fast: Fast::new(limits_of(limits)?), capture: None })
    }

    /// The limits that `new` takes, with their defaults.
    #[staticmethod]
    fn limits(python: Python<'_>) -> PyResult<Py<PyDict>> {
        let (all, mut defaults) = (PyDict::new(python), Limits::default());
        for (name, limit) in defaults.each() {
            all.set_item(name, *limit)?;
        }
        Ok(all.unbind())
    }

    #[expect(clippy::needless_pass_by_value, reason = "Python hands over a path of its own")]
    fn open(&mut self, path: PathBuf) -> PyResult<()> {
        self.capture = Some(Capture::open(&path).map_err(|error| CaptureError::new_err(error.to_string()))?);
        Ok(())
    }

    fn read(&mut self, python: Python<'_>, packets: u64) -> bool {
        let Self { fast, capture } = self;
        let Some(capture) = capture else { return false };
        python.detach(|| {
            for _ in 0..packets {
                let Some(frame) = capture.next() else { return false };
                fast.frame(&frame);
            }
            capture.release();
            true
        })
    }

    fn progress(&self) -> (u64, Option<u64>) {
        self.capture.as_ref().map_or((0, None), |capture| (capture.position(), capture.total_octets()))
    }

    fn warning(&self) -> Option<String> {
        self.capture.as_ref().and_then(|capture| capture.warning().map(str::to_owned))
    }

    fn finish(&mut self, python: Python<'_>) {
        let fast = &mut self.fast;
        python.detach(|| fast.finish());
    }

    fn batch(&mut self, python: Python<'_>) -> PyResult<Batch> {
        let fast = &mut self.fast;
        let changes = python.detach(|| fast.tell());
        Batch::new(python, changes)
    }
}

/// Frames that are asked for.
#[pyclass(frozen, module = "sensor._dissectors")]
struct Wanted(pick::Wanted);

#[pymethods]
impl Wanted {
    #[new]
    #[pyo3(signature = (ends, *, ports=(None, None), transport=None, vlan=None, since, until, near, frames, octets))]
    #[expect(clippy::too_many_arguments, reason = "each says something else of the frames")]
    fn new(
        ends: (Option<&str>, Option<&str>),
        ports: (Option<u16>, Option<u16>),
        transport: Option<&str>,
        vlan: Option<u16>,
        since: i64,
        until: i64,
        near: i64,
        frames: usize,
        octets: usize,
    ) -> PyResult<Self> {
        let ends = [ends.0.map(end_of).transpose()?, ends.1.map(end_of).transpose()?];
        let transport = transport.map(transport_of).transpose()?;
        let ports = [ports.0, ports.1];
        Ok(Self(pick::Wanted { ends, ports, transport, vlan, since, until, near, most_frames: frames, most_octets: octets }))
    }
}

fn end_of(text: &str) -> PyResult<End> {
    if let Ok(address) = text.parse::<core::net::IpAddr>() {
        let octets = match address {
            core::net::IpAddr::V4(address) => address.to_ipv6_mapped().octets(),
            core::net::IpAddr::V6(address) => address.octets(),
        };
        return Ok(End::Ip(Address::v6(octets)));
    }
    let octets = text.split(':').map(|octet| u8::from_str_radix(octet, 16)).collect::<Result<Vec<u8>, _>>().unwrap_or_default();
    let mac = <[u8; 6]>::try_from(octets).map_err(|_| PyValueError::new_err(format!("no IP or MAC address: {text:?}")))?;
    Ok(End::Mac(Mac::new(mac)))
}

fn transport_of(name: &str) -> PyResult<Transport> {
    let all = [Transport::Tcp, Transport::Udp, Transport::Icmp, Transport::Ip, Transport::Ethernet];
    all.into_iter().find(|one| one.name() == name).ok_or_else(|| PyValueError::new_err(format!("no transport: {name:?}")))
}

/// A frame that was asked for.
#[pyclass(frozen, get_all, module = "sensor._dissectors")]
struct Frame {
    time: i64,
    link: u16,
    length: u32,
    octets: Py<PyBytes>,
    interface: u32,
    source: Option<String>,
    target: Option<String>,
    ports: Option<(u16, u16)>,
    transport: Option<&'static str>,
    vlan: Option<u16>,
}

impl Frame {
    fn new(python: Python<'_>, picked: &pick::Picked) -> Self {
        let route = pick::route(picked.link, &picked.octets);
        let [source, target] = match &route {
            None => [None, None],
            Some(pick::Route { macs: [from, to], addresses: [source, target], .. }) => {
                [ip_text(*source).or_else(|| mac_text(*from)), ip_text(*target).or_else(|| mac_text(*to))]
            }
        };
        Self {
            time: picked.time,
            link: picked.link.0,
            length: picked.wire_length,
            octets: PyBytes::new(python, &picked.octets).unbind(),
            interface: picked.interface,
            source,
            target,
            ports: route.and_then(|route| route.ports).map(|[source, target]| (source, target)),
            transport: route.map(|route| route.transport.name()),
            vlan: route.and_then(|route| vlan(route.vlan)),
        }
    }
}

fn frames_of(python: Python<'_>, found: &[Vec<pick::Picked>]) -> PyResult<Vec<Vec<Py<Frame>>>> {
    let of_one = |frames: &Vec<pick::Picked>| frames.iter().map(|picked| Py::new(python, Frame::new(python, picked))).collect();
    found.iter().map(of_one).collect()
}

/// Looks for frames in captures.
#[pyclass(module = "sensor._dissectors")]
struct Picker {
    pick: Pick,
    capture: Option<Capture>,
}

#[pymethods]
impl Picker {
    #[new]
    #[expect(clippy::needless_pass_by_value, reason = "Python hands over a list of its own")]
    fn new(wanted: Vec<PyRef<'_, Wanted>>) -> Self {
        Self { pick: Pick::new(wanted.iter().map(|one| one.0.clone()).collect()), capture: None }
    }

    #[expect(clippy::needless_pass_by_value, reason = "Python hands over a path of its own")]
    fn open(&mut self, path: PathBuf) -> PyResult<()> {
        self.capture = Some(Capture::open(&path).map_err(|error| CaptureError::new_err(error.to_string()))?);
        Ok(())
    }

    fn read(&mut self, python: Python<'_>, packets: u64) -> bool {
        let Self { pick, capture } = self;
        let Some(capture) = capture else { return false };
        python.detach(|| {
            for _ in 0..packets {
                let Some(frame) = capture.next() else { return false };
                pick.frame(&frame);
            }
            capture.release();
            true
        })
    }

    fn frames(&mut self, python: Python<'_>) -> PyResult<Vec<Vec<Py<Frame>>>> {
        let found = core::mem::replace(&mut self.pick, Pick::new(vec![])).found();
        frames_of(python, &found)
    }
}

/// Interfaces that are listened to in threads of their own.
#[cfg(target_os = "linux")]
#[pyclass(frozen, module = "sensor._dissectors")]
struct Listener {
    live: Mutex<live::Listener>,
    ports: live::Ports,
}

#[cfg(target_os = "linux")]
#[pyclass(frozen, get_all, module = "sensor._dissectors")]
struct Interface {
    name: String,
    named: Option<String>,
    condition: &'static str,
    trouble: Option<String>,
    opened: u64,
    hardware_time: bool,
    packets: u64,
    dropped: u64,
    ring_full: u64,
    ring_fill: u64,
    tags_restored: u64,
}

#[cfg(target_os = "linux")]
impl From<live::Port> for Interface {
    fn from(port: live::Port) -> Self {
        let live::Counted { packets, dropped, full, fill, tags } = port.counted;
        Self {
            name: port.name,
            named: port.named,
            condition: port.condition.name(),
            trouble: port.trouble,
            opened: port.opened,
            hardware_time: port.hardware_time,
            packets,
            dropped,
            ring_full: full,
            ring_fill: fill,
            tags_restored: tags,
        }
    }
}

#[cfg(target_os = "linux")]
#[pymethods]
impl Listener {
    #[new]
    #[pyo3(signature = (names, *, limits=None, workers=1, kernel_filter=None, snap_length=262_144, ring_octets=64 << 20, busy_poll=0, promiscuous=true, hardware_time=false, patient=false, recent_octets=0, recent_seconds=3600))]
    #[expect(clippy::too_many_arguments, reason = "each is a setting with a name of its own")]
    fn new(
        python: Python<'_>,
        names: Vec<String>,
        limits: Option<&Bound<'_, PyMapping>>,
        workers: u16,
        kernel_filter: Option<&str>,
        snap_length: u32,
        ring_octets: usize,
        busy_poll: u32,
        promiscuous: bool,
        hardware_time: bool,
        patient: bool,
        recent_octets: usize,
        recent_seconds: u32,
    ) -> PyResult<Self> {
        let limits = limits_of(limits)?;
        let filter = kernel_filter.map(filter::parse).transpose().map_err(PyValueError::new_err)?;
        let filter = filter::cut(filter.as_deref(), snap_length);
        let ring_octets = ring_octets.checked_div(usize::from(workers)).unwrap_or(ring_octets);
        let ring = ring::Settings { ring_octets, filter, promiscuous, busy_poll, hardware_time };
        let age = i64::from(recent_seconds).saturating_mul(1_000_000_000);
        let recent = recent::Limits { octets: recent_octets, age };
        let settings = live::Settings { names, workers, limits, recent, ring, patient };
        let live = python.detach(|| live::Listener::start(settings)).map_err(CaptureError::new_err)?;
        Ok(Self { ports: live.ports(), live: Mutex::new(live) })
    }

    fn batch(&self, python: Python<'_>) -> PyResult<Batch> {
        self.changes(python, live::Listener::tell)
    }

    #[expect(clippy::needless_pass_by_value, reason = "Python hands over a list of its own")]
    fn frames(&self, python: Python<'_>, wanted: Vec<PyRef<'_, Wanted>>) -> PyResult<Vec<Vec<Py<Frame>>>> {
        let wanted: Vec<pick::Wanted> = wanted.iter().map(|one| one.0.clone()).collect();
        let found = python.detach(|| self.live.lock().unwrap_or_else(PoisonError::into_inner).pick(&wanted));
        frames_of(python, &found.map_err(CaptureError::new_err)?)
    }

    fn stop(&self, python: Python<'_>) -> PyResult<Batch> {
        self.changes(python, live::Listener::stop)
    }

    fn interfaces(&self) -> Vec<Interface> {
        self.ports.all().into_iter().map(Interface::from).collect()
    }
}

#[cfg(target_os = "linux")]
impl Listener {
    fn changes(&self, python: Python<'_>, told: fn(&mut live::Listener) -> Result<Changes, String>) -> PyResult<Batch> {
        let changes = python.detach(|| told(&mut self.live.lock().unwrap_or_else(PoisonError::into_inner)));
        Batch::new(python, changes.map_err(CaptureError::new_err)?)
    }
}

impl Batch {
    fn new(python: Python<'_>, changes: Changes) -> PyResult<Self> {
        Ok(Self {
            endpoints: list(python, changes.endpoints.iter().map(Endpoint::from))?,
            operations: list(python, changes.operations.iter().map(|(conversation, row)| Operation::new(row, *conversation)))?,
            facts: list(python, changes.facts.iter().map(Fact::from))?,
            anomalies: list(python, changes.anomalies.iter().map(|(conversation, row)| Anomaly::new(row, *conversation)))?,
            conversations: list(python, changes.conversations.iter().map(Conversation::from))?,
            removed: changes.removed,
            statistics: Py::new(python, statistics(python, &changes.totals)?)?,
        })
    }
}

fn statistics(python: Python<'_>, totals: &Totals) -> PyResult<Statistics> {
    let (counters, refused) = (&totals.counters, &totals.refused);
    let numbers = PyDict::new(python);
    for (name, value) in [
        ("truncated_frames", counters.truncated_frames),
        ("malformed_frames", counters.malformed.values().fold(0, |sum: u64, count| sum.saturating_add(*count))),
        ("duplicates", counters.duplicates),
        ("tcp_segments", counters.tcp_segments),
        ("lost_segments", counters.lost_segments),
        ("lost_octets", counters.lost_octets),
        ("retransmissions", counters.retransmissions),
        ("out_of_order", counters.out_of_order),
        ("ip_fragments", counters.ip_fragments),
        ("ip_reassembled", counters.ip_reassembled),
        ("cut_messages", refused.cut_messages),
        ("dropped_buffers", refused.dropped_buffers),
        ("evicted_pending", refused.pending),
        ("evicted_flows", refused.flows),
        ("evicted_datagrams", refused.datagrams),
        ("evicted_endpoints", refused.endpoints),
        ("evicted_conversations", refused.conversations),
        ("evicted_operations", refused.operations),
        ("evicted_facts", refused.facts),
        ("evicted_anomalies", refused.anomalies),
        ("evicted_memories", refused.memories),
    ] {
        numbers.set_item(name, value)?;
    }
    let skipped = PyDict::new(python);
    for (link, frames) in &counters.skipped {
        skipped.set_item(LinkType(*link).to_string(), frames)?;
    }
    let protocols = PyDict::new(python);
    for (name, messages) in &totals.messages {
        protocols.set_item(name, (messages.messages, messages.malformed))?;
    }
    let shares = &totals.shares;
    let (tunnels, vlans, families) = (PyDict::new(python), PyDict::new(python), PyDict::new(python));
    for (tunnel, packets) in &counters.tunnels {
        tunnels.set_item(tunnel, packets)?;
    }
    for (number, amount) in &shares.vlans {
        vlans.set_item(vlan(*number), (amount.packets, amount.octets))?;
    }
    for (family, amount) in &shares.families {
        families.set_item(family, (amount.packets, amount.octets))?;
    }
    let response_times = PyDict::new(python);
    for (protocol, histogram) in &totals.response_times {
        response_times.set_item(protocol, (PyTuple::new(python, histogram.buckets())?, histogram.sum))?;
    }
    let rate = counters.rate.so_far();
    let stations = match totals.stations {
        Stations::None => vec![],
        Stations::Two(one, other) => vec![mac_text(one), mac_text(other)],
        Stations::One(one) => vec![mac_text(one)],
        Stations::Many => vec![None],
    };
    let seen = counters.packets > 0;
    Ok(Statistics {
        packets: counters.packets,
        octets: counters.octets,
        first: seen.then_some(counters.span.first),
        last: seen.then_some(counters.span.last),
        counters: numbers.unbind(),
        skipped_link_types: skipped.unbind(),
        protocols: protocols.unbind(),
        most_in_a_second: (rate.most_packets, rate.most_octets),
        group_packets: (totals.to_groups.saturating_sub(totals.to_all), totals.to_all),
        stations,
        tunnels: tunnels.unbind(),
        vlans: vlans.unbind(),
        families: families.unbind(),
        response_times: response_times.unbind(),
    })
}

/// The module `sensor._dissectors`.
#[pymodule(gil_used = false)]
mod _dissectors {
    #[pymodule_export]
    use super::{Anomaly, Batch, CaptureError, Conversation, Endpoint, Engine, Fact, Frame, Operation, Picker, Statistics, Wanted};
    #[cfg(target_os = "linux")]
    #[pymodule_export]
    use super::{Interface, Listener};
}
