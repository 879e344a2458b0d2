#pragma once
// The version that programs print.
namespace timber::server {

inline constexpr const char* kVersion = "0.1.0";

}  // namespace timber::server
