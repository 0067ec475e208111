//! The keys of identity facts, listed once. Every source uses the same.

/// Who made it, in words; `vendor_id` where only a number is known.
pub const VENDOR: &str = "vendor";
/// Vendor number of the protocol (CIP, PROFINET).
pub const VENDOR_ID: &str = "vendor_id";
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
/// Name of the plant or system it belongs to.
pub const PLANT: &str = "plant";
/// Name of a module in it.
pub const MODULE_NAME: &str = "module_name";
/// Kind of device, in the protocol's words.
pub const DEVICE_TYPE: &str = "device_type";
/// Operating system.
pub const OPERATING_SYSTEM: &str = "operating_system";
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
/// Network address that it says it has.
pub const ADDRESS: &str = "address";
/// Anything else that it says of itself, as it stands.
pub const DESCRIPTION: &str = "description";
