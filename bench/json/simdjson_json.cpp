// The same bids through simdjson on-demand, a document a line: the yardstick of bench_json.c.
//   simdjson_json needed|full|wrapped FILE        the decoder alone: lines in memory, two CPU-seconds
//   simdjson_json once needed|full|wrapped FILE   a whole process: reads the file once, 1 MiB at a time, prints sums
// needed stops after the three fields; full and wrapped look at every value (texts by their unescaped view, times by
// their last
// three digits). It checks less than "full" does: on-demand validates only what it is asked for.
#include <simdjson.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <string_view>
#include <vector>

using namespace simdjson;

struct sums {
    uint64_t rows = 0, integers = 0, lengths = 0;
};

static double cpu_seconds()
{
    timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return double(t.tv_sec) + double(t.tv_nsec) * 1e-9;
}

static uint64_t ms_of(std::string_view s)
{
    const char *p = s.data() + 20;
    return uint64_t(p[0] - '0') * 100 + uint64_t(p[1] - '0') * 10 + uint64_t(p[2] - '0');
}

static void take_bid(ondemand::object o, sums &s)
{
    s.integers += uint64_t(int64_t(o["auction"]));
    s.integers += uint64_t(int64_t(o["bidder"]));
    s.integers += uint64_t(int64_t(o["price"]));
    s.lengths += std::string_view(o["channel"]).size();
    s.lengths += std::string_view(o["url"]).size();
    s.integers += ms_of(std::string_view(o["dateTime"]));
    s.lengths += std::string_view(o["extra"]).size();
}

static void take_person(ondemand::object o, sums &s)
{
    s.integers += uint64_t(int64_t(o["id"]));
    for (const char *text : { "name", "emailAddress", "creditCard", "city", "state" })
        s.lengths += std::string_view(o[text]).size();
    s.integers += ms_of(std::string_view(o["dateTime"]));
    s.lengths += std::string_view(o["extra"]).size();
}

static void take_auction(ondemand::object o, sums &s)
{
    s.integers += uint64_t(int64_t(o["id"]));
    s.lengths += std::string_view(o["itemName"]).size();
    s.lengths += std::string_view(o["description"]).size();
    s.integers += uint64_t(int64_t(o["initialBid"]));
    s.integers += uint64_t(int64_t(o["reserve"]));
    s.integers += ms_of(std::string_view(o["dateTime"]));
    s.integers += ms_of(std::string_view(o["expires"]));
    s.integers += uint64_t(int64_t(o["seller"]));
    s.integers += uint64_t(int64_t(o["category"]));
    s.lengths += std::string_view(o["extra"]).size();
}

enum mode { NEEDED, FULL, WRAPPED };

static void take(ondemand::document &doc, mode m, sums &s)
{
    s.rows++;
    if (m == FULL) {
        take_bid(doc.get_object(), s);
        return;
    }
    if (m == NEEDED) {
        s.integers += uint64_t(int64_t(doc["auction"]));
        s.integers += uint64_t(int64_t(doc["bidder"]));
        s.integers += uint64_t(int64_t(doc["price"]));
        return;
    }
    ondemand::object event = doc.get_object();
    s.integers += uint64_t(int64_t(event["event_type"]));
    ondemand::value person = event["person"];
    if (!person.is_null())
        take_person(person.get_object(), s);
    ondemand::value auction = event["auction"];
    if (!auction.is_null())
        take_auction(auction.get_object(), s);
    ondemand::value bid = event["bid"];
    if (!bid.is_null())
        take_bid(bid.get_object(), s);
}

static int run_once(mode m, const char *path)
{
    const size_t block = size_t(1) << 20;
    std::vector<char> bytes(2 * block + SIMDJSON_PADDING);
    std::FILE *f = std::fopen(path, "rb");
    if (!f)
        return 1;
    std::setvbuf(f, nullptr, _IONBF, 0);
    ondemand::parser parser;
    sums s;
    size_t kept = 0;
    for (size_t got; (got = std::fread(bytes.data() + kept, 1, block, f)) > 0;) {
        const char *p = bytes.data(), *end = p + kept + got;
        while (const char *stop = static_cast<const char *>(std::memchr(p, '\n', size_t(end - p)))) {
            size_t room = size_t(bytes.data() + bytes.size() - p);
            ondemand::document doc = parser.iterate(padded_string_view(p, size_t(stop - p), room));
            take(doc, m, s);
            p = stop + 1;
        }
        kept = size_t(end - p);
        if (kept > block)
            return 1;
        std::memmove(bytes.data(), p, kept);
    }
    std::fclose(f);
    std::printf("%llu %llu %llu\n", (unsigned long long)s.rows, (unsigned long long)s.integers,
                (unsigned long long)s.lengths);
    return 0;
}

static mode mode_of(const char *name)
{
    return std::strcmp(name, "needed") == 0 ? NEEDED : std::strcmp(name, "full") == 0 ? FULL : WRAPPED;
}

int main(int argc, char **argv)
{
    if (argc == 4 && std::strcmp(argv[1], "once") == 0)
        return run_once(mode_of(argv[2]), argv[3]);
    if (argc != 3) {
        std::fprintf(stderr, "usage: simdjson_json [once] needed|full|wrapped FILE\n");
        return 2;
    }
    mode m = mode_of(argv[1]);
    padded_string file = padded_string::load(argv[2]);
    std::vector<std::string_view> lines;
    for (size_t at = 0; at < file.size();) {
        const char *p = file.data() + at;
        size_t len = size_t(static_cast<const char *>(std::memchr(p, '\n', file.size() - at)) - p);
        lines.emplace_back(p, len);
        at += len + 1;
    }
    ondemand::parser parser;
    sums first, all;
    auto pass = [&](sums &s) {
        for (std::string_view line : lines) {
            size_t room = size_t(file.data() + file.size() - line.data()) + SIMDJSON_PADDING;
            ondemand::document doc = parser.iterate(padded_string_view(line.data(), line.size(), room));
            take(doc, m, s);
        }
    };
    pass(first);
    double start = cpu_seconds(), spent;
    do {
        pass(all);
        spent = cpu_seconds() - start;
    } while (spent < 2.0);
    std::printf("%.0f %llu %llu %llu\n", double(all.rows) / spent, (unsigned long long)first.rows,
                (unsigned long long)first.integers, (unsigned long long)first.lengths);
    return 0;
}
