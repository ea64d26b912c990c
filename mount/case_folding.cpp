// SPDX-License-Identifier: GPL-2.0-or-later
#include "mount/case_folding.hpp"

#include <algorithm>
#include <climits>
#include <clocale>
#include <cwchar>
#include <cwctype>

namespace gm::mount {
namespace {

// Of a locale that every glibc has built in; without it only ASCII is folded.
locale_t unicode()
{
    static const locale_t locale = ::newlocale(LC_CTYPE_MASK, "C.UTF-8", nullptr);
    return locale;
}

// While this lives, the thread converts by that locale.
class UnicodeThread {
public:
    UnicodeThread() : before_(unicode() == nullptr ? nullptr : ::uselocale(unicode())) {}
    UnicodeThread(const UnicodeThread&) = delete;
    UnicodeThread& operator=(const UnicodeThread&) = delete;
    ~UnicodeThread()
    {
        if (before_ != nullptr) {
            ::uselocale(before_);
        }
    }

private:
    locale_t before_;
};

char lower_ascii(char c)
{
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

} // namespace

std::string case_folded(std::string_view name)
{
    std::string folded;
    folded.reserve(name.size());
    if (std::ranges::all_of(name, [](char c) { return static_cast<signed char>(c) > 0; })) {
        std::ranges::transform(name, std::back_inserter(folded), lower_ascii);
        return folded;
    }
    const UnicodeThread thread;
    while (!name.empty()) {
        std::mbstate_t state{};
        wchar_t letter = 0;
        const std::size_t length = std::mbrtowc(&letter, name.data(), name.size(), &state);
        if (length == 0 || length > name.size()) { // no letter
            folded += lower_ascii(name.front());
            name.remove_prefix(1);
            continue;
        }
        char bytes[MB_LEN_MAX];
        state = {};
        const std::size_t written =
            std::wcrtomb(bytes, static_cast<wchar_t>(std::towlower(static_cast<wint_t>(letter))), &state);
        folded.append(written > sizeof bytes ? name.substr(0, length) : std::string_view{bytes, written});
        name.remove_prefix(length);
    }
    return folded;
}

} // namespace gm::mount
