// SPDX-License-Identifier: GPL-2.0-or-later
#include "mount/filesystem.hpp"

namespace gm::mount {

Result<std::unique_ptr<Filesystem>> Filesystem::make(rpc::Link& link, const FilesystemOptions& options)
{
    auto root = link.call<rpc::GetAttr>({.target = {rpc::NodeId::root, {}}});
    if (!root.ok()) {
        return with_context(root.take_error(), "the guest's root folder");
    }
    if (!S_ISDIR(root->attr.mode)) {
        return make_error(EPROTO, "the guest's root is not a folder");
    }
    return std::make_unique<Filesystem>(link, options, root->attr);
}

Filesystem::Filesystem(rpc::Link& link, const FilesystemOptions& options, const rpc::Attr& root)
    : link_(link), options_(options), late_(link), returns_(link, late_),
      inodes_(root,
              [this](rpc::NodeId node, std::uint64_t references, bool gone) { returns_.node(node, references, gone); }),
      // What is read by the guest counts as access to that file: on a writable mount only what was asked for is.
      caches_(link,
              {.size = options.cache_size,
               .drives = options.read_only ? options.drives : nullptr,
               .small_files_ahead = options.read_only},
              [this](rpc::NodeId node) { returns_.node_later(node); })
{
}

Filesystem::~Filesystem()
{
    late_.settle();
}

cache::Object Filesystem::object_of(const Inode& inode, rpc::Target target) const
{
    cache::Object object{.key = key_of(inode), .target = std::move(target), .folder = {}, .name = {}};
    if (auto name = inodes_.name_of(inode)) {
        object.folder = key_of(*name->folder);
        object.name = std::move(name->leaf);
    }
    return object;
}

void Filesystem::trace_call(std::string_view procedure, const Error* error, std::chrono::nanoseconds time)
{
    log(LogLevel::trace, "call {}: {} ({} us)", procedure, error == nullptr ? "ok" : error->text,
        std::chrono::duration_cast<std::chrono::microseconds>(time).count());
}

Result<InodePtr> Filesystem::known(InodeId id) const
{
    auto inode = inodes_.get(id);
    if (!inode) {
        return make_error(ESTALE, "inode {} is not known any more", static_cast<std::uint64_t>(id));
    }
    return inode;
}

Result<Name> Filesystem::name_below(InodeId parent, std::string_view leaf) const
{
    if (leaf.size() > rpc::kMaxNameLength) {
        return make_error(ENAMETOOLONG, "a name of {} bytes", leaf.size());
    }
    auto folder = GM_TRY(known(parent));
    return Name{std::move(folder), std::string(leaf)};
}

Result<rpc::NodeId> Filesystem::folder_node(const InodePtr& folder)
{
    const auto bound = inodes_.node_of(*folder);
    if (bound != rpc::NodeId::none) {
        return bound;
    }
    const Pin pin = inodes_.pin(*folder);
    if (pin.target.leaf.empty()) {
        return pin.target.node; // bound meanwhile
    }
    const auto reply = GM_TRY(call<rpc::Lookup>({.parent = pin.target.node, .leaf = pin.target.leaf, .bind = true}));
    if (reply.node == rpc::NodeId::none) {
        return make_error(EPROTO, "the appliance did not bind a folder");
    }
    inodes_.bind(*folder, reply.node);
    return inodes_.node_of(*folder);
}

Entry Filesystem::entry(const Name& name, const rpc::Attr& attr, rpc::NodeId node)
{
    auto ref = inodes_.intern(name, attr, node);
    const auto shown = options_.view.show(attr, ref.inode()->number);
    return {std::move(ref), shown, options_.name_timeout, options_.timeout};
}

Attributes Filesystem::attributes(Inode& inode, const rpc::Attr& attr)
{
    inode.mode = attr.mode;
    return {options_.view.show(attr, inode.number), options_.timeout};
}

Filesystem::Changing Filesystem::changing(std::initializer_list<Affected> affected)
{
    ++changes_;
    std::vector<cache::Changes::Change> all;
    all.reserve(affected.size());
    for (const auto& [inode, aspects] : affected) {
        all.push_back({key_of(inode), aspects});
        if (const auto above = options_.numbers_change ? inodes_.parent_of(inode) : nullptr) {
            all.push_back({key_of(*above), cache::kEntries});
        }
    }
    return {caches_.changes.begin(std::move(all)), changes_};
}

void Filesystem::changed(const rpc::Attr& attr, cache::Aspects aspects, const InodePtr& inode)
{
    const auto key = cache::Key::of(attr);
    caches_.changes.note(key, aspects);
    if (inode && key_of(*inode) != key) {
        caches_.changes.note(key_of(*inode), aspects);
    }
}

Attributes Filesystem::changed_attributes(Inode& inode, const rpc::Attr& attr, Changing& change)
{
    if (const auto seen = change.end()) {
        caches_.attrs.put(key_of(inode), attr, *seen);
    }
    return attributes(inode, attr);
}

Entry Filesystem::made_entry(const Name& name, const rpc::Attr& attr, rpc::NodeId node)
{
    took_change(attr.filesystem);
    changed(attr, cache::kEverything); // whoever had its number before
    caches_.attrs.put(cache::Key::of(attr), attr, caches_.changes.now());
    return entry(name, attr, node);
}

} // namespace gm::mount
