// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Reads file data by the fastest way that is exact: blocks that are here already; the image itself, by the file's
// extents; else calls of the daemon. Reads ahead of streams, and of somebody who reads the small files of a tree one
// after the other. Owned by the mount; must go before the link and the drives. Any number of threads; read() blocks.
#pragma once

#include "cache/content_walk.hpp"
#include "cache/extent_maps.hpp"
#include "cache/file_data.hpp"
#include "cache/folder_reader.hpp"
#include "cache/read_ahead.hpp"

namespace gm::cache {

// A file to read, as the mount names it.
struct FileRef {
    Object object;
    // Gives the daemon's handle, opening the file if need be; it must stay open while read() runs. May block.
    std::function<Result<rpc::HandleId>()> open;
    std::stop_token stop; // of whoever waits: ECANCELED
};

class FileReader {
public:
    static constexpr std::uint64_t kPieceSize = 1 << 20;    // of one request of a stream
    static constexpr std::uint64_t kSmallFile = kBlockSize; // read ahead as a whole
    static constexpr std::size_t kFoldersAhead = 8;         // of a walk that reads everything

    struct Parts {
        rpc::Link& link;
        Budget& budget;
        FolderCache& folders;
        FolderReader& walk;
        const Changes& changes;
        Counters& counters;
        image::BlockSource* drives = nullptr; // none: everything goes through the guest
        bool small_files_ahead = true;        // false: nothing is read of files that nobody asks for
    };
    explicit FileReader(Parts parts);

    // Fewer bytes than asked for only at the end of the file.
    Result<FileData> read(const FileRef& file, std::uint64_t offset, std::uint32_t size);

private:
    using BlockPtr = std::shared_ptr<const Block>;
    using Blocks = InFlight<BlockId, BlockPtr, BlockIdHash>;
    // How a file's data is got.
    struct Source {
        ExtentMapPtr map;                           // by these extents, or
        rpc::HandleId handle = rpc::HandleId::none; // by calls on this handle
    };
    // Blocks of one file that one request brings.
    struct Run {
        Key file;
        std::uint64_t first = 0; // index
        std::vector<Blocks::FetchPtr> fetches;
        [[nodiscard]] std::uint64_t offset() const { return first * kBlockSize; }
        [[nodiscard]] std::uint64_t length() const { return fetches.size() * kBlockSize; }
    };
    struct Slot {
        BlockPtr block;         // here,
        Blocks::FetchPtr fetch; // or on its way
    };

    BlockPtr cached(const BlockId& id);
    Slot find_block(const BlockId& id);
    Blocks::Joined join(const BlockId& id);
    Result<Source> source_of(const FileRef& file, bool neighbours);
    [[nodiscard]] bool fresh(const Key& file, const Block& block) const;

    // As far as it is known without a call: reading ahead past the end only wastes calls.
    std::uint64_t likely_size(const FileRef& file);
    // The blocks of [from, to) that are neither here nor on their way.
    void fetch_blocks(const FileRef& file, const Source& source, std::uint64_t from, std::uint64_t to);
    void begin(Run run, const Source& source);
    void finish(const std::shared_ptr<Run>& run, Epoch seen, Result<Buffer> data);

    Result<FileData> read_through_blocks(const FileRef& file, std::vector<Slot> slots, std::uint64_t offset,
                                         std::uint32_t size);
    Result<FileData> read_exactly(const FileRef& file, std::uint64_t offset, std::uint32_t size);
    Result<FileData> read_by_call(const FileRef& file, std::uint64_t offset, std::uint32_t size);

    // Small files.
    void read_small_ahead(const Key& folder, std::string_view name);
    void read_folder_ahead(const Key& folder, std::string_view name);
    struct SmallFile { // on its way by extents
        Key file;
        ExtentMapPtr map;
        Blocks::FetchPtr fetch;
        [[nodiscard]] const rpc::Extent& extent() const { return map->extents->extents.front(); }
    };
    void read_by_extents(std::vector<SmallFile> files);
    void read_side_by_side(std::vector<SmallFile> files);
    void read_by_bulk_call(const std::vector<ContentWalk::Entry>& entries);

    Parts parts_;
    ExtentMaps maps_;
    LruMap<BlockId, Block, BlockIdHash> cache_;
    Guarded<ReadAhead> streams_;     // level: leaf
    Guarded<ContentWalk> content_;   // level: above Changes and Budget
    std::atomic<int> bulk_calls_{0}; // of small files, under way
    Blocks in_flight_;               // last: waits for completions, which use the above
};

} // namespace gm::cache
