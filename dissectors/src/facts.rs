//! The keys of identity facts, listed once. Every source uses the same.

/// Who made it, in words; `vendor_id` where only a number is known.
pub const VENDOR: &str = "vendor";
/// Vendor number of the protocol (CIP, PROFINET, BACnet).
pub const VENDOR_ID: &str = "vendor_id";
/// Device number that the vendor gave the model (PROFINET).
pub const DEVICE_ID: &str = "device_id";
/// Product or model name.
pub const MODEL: &str = "model";
/// Order or catalogue number.
pub const ORDER_NUMBER: &str = "order_number";
/// Product code (CIP, Modbus 43/14).
pub const PRODUCT_CODE: &str = "product_code";
/// Serial number.
pub const SERIAL: &str = "serial";
/// Firmware or software version.
pub const FIRMWARE: &str = "firmware";
/// Hardware version.
pub const HARDWARE: &str = "hardware";
/// Version of the boot loader.
pub const BOOTLOADER: &str = "bootloader";
/// Name that the device or its operator gave it.
pub const HOSTNAME: &str = "hostname";
/// Domain or workgroup that it is a member of.
pub const DOMAIN: &str = "domain";
/// Who is logged on, as far as it is said in the clear.
pub const USER: &str = "user";
/// Name under which a client asks for this server (TLS server name, HTTP host).
pub const SERVER_NAME: &str = "server_name";
/// Name in its certificate.
pub const CERTIFICATE_NAME: &str = "certificate_name";
/// Who issued its certificate.
pub const CERTIFICATE_ISSUER: &str = "certificate_issuer";
/// Uniform resource identifier of the application (OPC UA).
pub const APPLICATION_URI: &str = "application_uri";
/// Name of the plant or system it belongs to.
pub const PLANT: &str = "plant";
/// Name of a module in it.
pub const MODULE_NAME: &str = "module_name";
/// Kind of device, in the protocol's words.
pub const DEVICE_TYPE: &str = "device_type";
/// What it does in its network: IO controller, IO device, bridge, router …
pub const ROLE: &str = "role";
/// Product and version of the server that answers, or of the program that asks.
pub const SOFTWARE: &str = "software";
/// Class of vendor that a DHCP client belongs to.
pub const VENDOR_CLASS: &str = "vendor_class";
/// Options that a DHCP client asks for, in its order: telling for its operating system.
pub const DHCP_PARAMETERS: &str = "dhcp_parameters";
/// Initial TTL, window and options of its TCP: telling for its operating system.
pub const TCP_STACK: &str = "tcp_stack";
/// Operating system.
pub const OPERATING_SYSTEM: &str = "operating_system";
/// Name of the port that a neighbour announces itself from (LLDP, CDP).
pub const PORT_NAME: &str = "port_name";
/// VTP management domain of a switch.
pub const VTP_DOMAIN: &str = "vtp_domain";
/// Who looks after it.
pub const CONTACT: &str = "contact";
/// Object identifier of its kind (SNMP).
pub const OBJECT_ID: &str = "object_id";
/// Number of the instance in its network (BACnet).
pub const INSTANCE: &str = "instance";
/// Where it stands.
pub const LOCATION: &str = "location";
/// Project or application that it runs.
pub const PROJECT: &str = "project";
/// Operating mode: run, stop, program …
pub const MODE: &str = "mode";
/// Position of the key switch.
pub const KEY_SWITCH: &str = "key_switch";
/// Protection level.
pub const PROTECTION: &str = "protection";
/// Status word in words.
pub const STATUS: &str = "status";
/// Where more is to be found, a URL.
pub const URL: &str = "url";
/// Copyright notice.
pub const COPYRIGHT: &str = "copyright";
/// Serial number of a memory card.
pub const MEMORY_CARD: &str = "memory_card";
/// Network address that it says it has, IP or MAC.
pub const ADDRESS: &str = "address";
/// Anything else that it says of itself, as it stands.
pub const DESCRIPTION: &str = "description";
