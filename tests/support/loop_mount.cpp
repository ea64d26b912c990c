// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/support/loop_mount.hpp"

#include "tests/support/program.hpp"

namespace gm::test {

LoopMount::LoopMount(const std::string& image, const std::string& options) : folder_("loop")
{
    must_run({"mount", "-o", "loop," + options, image, folder_.path()});
    mounted_ = true;
}

LoopMount::~LoopMount()
{
    if (mounted_) {
        try {
            run({"umount", "-l", folder_.path()});
        } catch (...) {
            // A check within run() failed and is reported; main() removes what is left.
        }
    }
}

void LoopMount::unmount()
{
    must_run({"umount", folder_.path()});
    mounted_ = false;
}

} // namespace gm::test
