#pragma once
// Errors as values: Error says what went wrong and where, Result<T> is a T or an Error.
//
// A Result may not be dropped: the class is [[nodiscard]], which g++ 12 enforces for a class of
// our own and not for std::expected. No exception crosses a library's border.
//
//   Result<FileHandle> opened = disk.open(path, options);
//   if (!opened) return opened.error();
//
//   TIMBER_TRY(FileHandle file, disk.open(path, options));   // the same in one line
//   TIMBER_CHECK(disk.rename(from, to));                     // for Result<void>
#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "src/base/assert.h"

namespace timber {

// What went wrong, as far as a caller may want to tell cases apart.
enum class ErrorCode : uint8_t {
    // The request.
    kInvalidArgument,  // a value outside its documented range
    kTooLarge,         // over a documented limit
    kNotFound,         // no such file, key or record
    kAlreadyExists,    // created twice
    kBusy,             // a bounded queue is full; nothing was accepted, try again later
    kClosed,           // the component was closed before, or while, this ran
    kUnsupported,      // the platform or the file system lacks it
    // The outside world.
    kNoSpace,           // the disk is full
    kPermissionDenied,  // the operating system refused
    kLocked,            // another process holds the lock
    kIoError,           // the operating system reported a failed read, write or sync
    kCrashed,           // the simulated machine is dead; jobs unwind
    // What was read.
    kWrongFormat,  // not a file of ours
    kNewerFormat,  // written by a later version
    kForeign,      // ours, but of another log, store or cluster
    kCorrupted,    // a checksum or a structure is wrong
    kMissing,      // a file or a part that must be there is not
    // The component.
    kPoisoned,  // an earlier write or sync failed; only a restart helps
};

std::string_view to_string(ErrorCode code);

// Where and why. Cheap to move; built only when something failed.
struct Error {
    ErrorCode code;
    int os_error = 0;                  // errno, 0 if none
    std::string file = {};             // path, empty if none
    std::optional<uint64_t> offset{};  // bytes into `file`
    std::string detail = {};           // what was expected, and what to do about it

    // One line for a person: code, detail, file and offset, the operating system's words.
    std::string to_string() const;
};

// An Error with a detail only.
Error make_error(ErrorCode code, std::string detail);
// An Error about a file.
Error file_error(ErrorCode code, std::string_view file, std::string detail);
Error file_error(ErrorCode code, std::string_view file, uint64_t offset, std::string detail);
// An Error from errno: ENOSPC, EDQUOT and EFBIG give kNoSpace, EACCES, EPERM and EROFS
// kPermissionDenied, ENOENT kNotFound, EEXIST kAlreadyExists, the rest kIoError.
Error os_error(int errno_value, std::string_view file, std::string detail);

template <typename T>
class [[nodiscard]] Result {
  public:
    Result(T value) : state_(std::move(value)) {}
    Result(Error error) : state_(std::unexpected(std::move(error))) {}

    bool ok() const { return state_.has_value(); }
    explicit operator bool() const { return ok(); }

    T& value() & {
        require_ok();
        return *state_;
    }
    const T& value() const& {
        require_ok();
        return *state_;
    }
    T&& value() && {
        require_ok();
        return std::move(*state_);
    }
    T& operator*() & { return value(); }
    const T& operator*() const& { return value(); }
    T&& operator*() && { return std::move(*this).value(); }
    T* operator->() { return &value(); }
    const T* operator->() const { return &value(); }

    const Error& error() const& {
        TIMBER_ASSERT(!ok());
        return state_.error();
    }
    Error&& error() && {
        TIMBER_ASSERT(!ok());
        return std::move(state_).error();
    }

  private:
    // An unexpected Error here is a bug of the caller, so say what the error was before stopping.
    void require_ok() const;

    std::expected<T, Error> state_;
};

template <>
class [[nodiscard]] Result<void> {
  public:
    Result() = default;
    Result(Error error) : error_(std::move(error)) {}

    bool ok() const { return !error_.has_value(); }
    explicit operator bool() const { return ok(); }

    const Error& error() const& {
        TIMBER_ASSERT(!ok());
        return *error_;
    }
    Error&& error() && {
        TIMBER_ASSERT(!ok());
        return std::move(*error_);
    }

  private:
    std::optional<Error> error_;
};

using Status = Result<void>;

namespace internal {
[[noreturn]] void value_of_error(const Error& error);
}  // namespace internal

template <typename T>
void Result<T>::require_ok() const {
    if (!ok()) [[unlikely]]
        internal::value_of_error(state_.error());
}

}  // namespace timber

#define TIMBER_CONCAT_INNER(a, b) a##b
#define TIMBER_CONCAT(a, b) TIMBER_CONCAT_INNER(a, b)

#define TIMBER_CHECK(expression)                                                 \
    do {                                                                         \
        if (auto timber_status = (expression); !timber_status.ok()) [[unlikely]] \
            return std::move(timber_status).error();                             \
    } while (false)

#define TIMBER_TRY_NAMED(temporary, declaration, expression) \
    auto temporary = (expression);                           \
    if (!temporary.ok()) [[unlikely]]                        \
        return std::move(temporary).error();                 \
    declaration = std::move(temporary).value()

#define TIMBER_TRY(declaration, expression) \
    TIMBER_TRY_NAMED(TIMBER_CONCAT(timber_result_, __LINE__), declaration, expression)
