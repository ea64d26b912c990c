// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/support/test_image.hpp"

#include "core/base/syscall.hpp"
#include "tests/support/program.hpp"

#include <algorithm>
#include <doctest/doctest.h>
#include <fcntl.h>
#include <filesystem>
#include <functional>
#include <sys/file.h>
#include <vector>

namespace gm::test {
namespace {

namespace fs = std::filesystem;

std::string hash_of_recipe(const std::string& recipe)
{
    std::string text = content_of(GM_TEST_RECIPES "/" + recipe + ".sh") + content_of(GM_TEST_RECIPES "/common.sh");
    if (text.find("/vm.sh") != std::string::npos) {
        text += content_of(GM_TEST_RECIPES "/vm.sh");
    }
    return fmt::format("{:016x}", std::hash<std::string>{}(text));
}

void make(const std::string& recipe, const std::string& image)
{
    const Scratch work("recipe");
    // The recipe works in TMPDIR/recipe..., its temporary mounts are below TMPDIR too and so are cleaned up.
    must_run({"env", "-C", work.path(), "bash", GM_TEST_RECIPES "/" + recipe + ".sh", work / "image"}, Millis{180'000});
    std::vector<std::string> suffixes;
    for (const auto& entry : fs::directory_iterator(work.path())) {
        const std::string name = entry.path().filename();
        if (name.starts_with("image.")) {
            suffixes.push_back(name.substr(std::string_view{"image"}.size()));
        }
    }
    suffixes.emplace_back(); // the image last: it says that all is there
    for (const auto& suffix : suffixes) {
        must_run({"cp", "--sparse=always", work / "image" + suffix, image + suffix + ".part"});
        fs::rename(image + suffix + ".part", image + suffix);
    }
}

} // namespace

std::string image(const std::string& recipe)
{
    const std::string folder = GM_TEST_IMAGE_FOLDER;
    const std::string prefix = recipe + "@"; // no recipe's name is a prefix of another's with this
    const std::string path = folder + "/" + prefix + hash_of_recipe(recipe);
    fs::create_directories(folder);
    auto lock = open_file(folder + "/lock", O_RDWR | O_CREAT, 0600);
    REQUIRE(lock.ok());
    REQUIRE(retry([&] { return ::flock(lock->get(), LOCK_EX); }) == 0);
    if (!fs::exists(path)) {
        std::vector<fs::path> outdated;
        for (const auto& entry : fs::directory_iterator(folder)) {
            if (entry.path().filename().string().starts_with(prefix)) {
                outdated.push_back(entry.path());
            }
        }
        std::for_each(outdated.begin(), outdated.end(), [](const auto& old) { fs::remove(old); });
        make(recipe, path);
    }
    return path;
}

std::string recipe_folder()
{
    return GM_TEST_RECIPES;
}

std::string image_copy(const std::string& recipe, const Scratch& folder, std::string_view leaf)
{
    const std::string copy = folder / leaf;
    must_run({"cp", "--reflink=auto", "--sparse=always", image(recipe), copy});
    return copy;
}

std::string sha256(const std::string& path)
{
    return must_run({"sha256sum", path}).substr(0, 64);
}

} // namespace gm::test
