#include "src/base/result.h"

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace timber {

std::string_view to_string(ErrorCode code) {
    switch (code) {
        case ErrorCode::kInvalidArgument: return "invalid argument";
        case ErrorCode::kTooLarge: return "too large";
        case ErrorCode::kNotFound: return "not found";
        case ErrorCode::kAlreadyExists: return "already exists";
        case ErrorCode::kBusy: return "busy";
        case ErrorCode::kClosed: return "closed";
        case ErrorCode::kUnsupported: return "unsupported";
        case ErrorCode::kNoSpace: return "no space";
        case ErrorCode::kPermissionDenied: return "permission denied";
        case ErrorCode::kLocked: return "locked";
        case ErrorCode::kIoError: return "input/output error";
        case ErrorCode::kCrashed: return "crashed";
        case ErrorCode::kWrongFormat: return "wrong format";
        case ErrorCode::kNewerFormat: return "newer format";
        case ErrorCode::kForeign: return "foreign file";
        case ErrorCode::kCorrupted: return "corrupted";
        case ErrorCode::kMissing: return "missing";
        case ErrorCode::kPoisoned: return "poisoned";
    }
    TIMBER_UNREACHABLE();
}

std::string Error::to_string() const {
    std::string text(timber::to_string(code));
    if (!detail.empty()) text += ": " + detail;
    if (!file.empty()) {
        text += " (file " + file;
        if (offset) text += ", offset " + std::to_string(*offset);
        text += ")";
    }
    if (os_error != 0) text += std::string(" [") + std::strerror(os_error) + "]";
    return text;
}

Error make_error(ErrorCode code, std::string detail) {
    return Error{.code = code, .detail = std::move(detail)};
}

Error file_error(ErrorCode code, std::string_view file, std::string detail) {
    return Error{.code = code, .file = std::string(file), .detail = std::move(detail)};
}

Error file_error(ErrorCode code, std::string_view file, uint64_t offset, std::string detail) {
    return Error{
        .code = code, .file = std::string(file), .offset = offset, .detail = std::move(detail)};
}

static ErrorCode code_of_errno(int errno_value) {
    switch (errno_value) {
        case ENOSPC:
        case EDQUOT:
        case EFBIG: return ErrorCode::kNoSpace;
        case EACCES:
        case EPERM:
        case EROFS: return ErrorCode::kPermissionDenied;
        case ENOENT: return ErrorCode::kNotFound;
        case EEXIST: return ErrorCode::kAlreadyExists;
        default: return ErrorCode::kIoError;
    }
}

Error os_error(int errno_value, std::string_view file, std::string detail) {
    return Error{.code = code_of_errno(errno_value),
                 .os_error = errno_value,
                 .file = std::string(file),
                 .detail = std::move(detail)};
}

void internal::value_of_error(const Error& error) {
    std::fprintf(stderr, "value() of a failed Result: %s\n", error.to_string().c_str());
    std::abort();
}

}  // namespace timber
